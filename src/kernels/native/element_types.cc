// Conversion between the element types of core/dtype.ts.
#include <vector>

#include "elementwise_kernels.h"
#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "parallel.h"
#include "whole_numbers.h"

namespace spikeship::elements {
namespace {

// Numbers of core/dtype.ts.
enum class Type : size_t { float32, float16, int32, uint8, bfloat16 };
constexpr size_t bytes[] = {4, 2, 4, 1, 2};

constexpr bool is_half(Type type) { return type == Type::float16 || type == Type::bfloat16; }

template <class From, class To>
void convert_all(const Buffer& x, const Buffer& out, size_t count) {
  const From* source = x.as<From>(count, "convert x");
  To* target = out.as<To>(count, "convert out");
#pragma omp parallel for schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) target[i] = converted<To>(source[i]);
}

template <class From>
void convert_from(Type to, const Buffer& x, const Buffer& out, size_t count) {
  switch (to) {
    case Type::float32: return convert_all<From, float>(x, out, count);
    case Type::int32: return convert_all<From, int32_t>(x, out, count);
    case Type::uint8: return convert_all<From, uint8_t>(x, out, count);
    case Type::float16:
    case Type::bfloat16: break;
  }
}

void from_half(Type type, const Buffer& x, const Buffer& out, size_t count) {
  const auto* halves = x.as<uint16_t>(count, "convert x");
  float* floats = out.floats(count, "convert out");
  if (type == Type::float16) SPIKESHIP_ON_BEST_ISA(from_float16(halves, floats, count));
  else SPIKESHIP_ON_BEST_ISA(from_bfloat16(halves, floats, count));
}

void to_half(Type type, const Buffer& x, const Buffer& out, size_t count) {
  const float* floats = x.floats(count, "convert x");
  auto* halves = out.as<uint16_t>(count, "convert out");
  if (type == Type::float16) SPIKESHIP_ON_BEST_ISA(to_float16(floats, halves, count));
  else SPIKESHIP_ON_BEST_ISA(to_bfloat16(floats, halves, count));
}

}  // namespace

void convert(Environment& environment, size_t from, Buffer x, size_t to, Buffer out, size_t count) {
  if (from >= std::size(bytes) || to >= std::size(bytes)) {
    throw Failure{"NATIVE", "convert", "element types 0 to 4", std::to_string(from) + " and " + std::to_string(to), ""};
  }
  const auto source = static_cast<Type>(from);
  const auto target = static_cast<Type>(to);
  if (source == target) return memory::copy(environment, x, 0, out, 0, product({count, bytes[from]}));
  if (const DeviceKernels* device = call_device()) {
    const void* given = x.as<uint8_t>(product({count, bytes[from]}), "convert x");
    return device->convert(from, given, to, out.as<uint8_t>(product({count, bytes[to]}), "convert out"), count);
  }
  if (is_half(source) && target == Type::float32) return from_half(source, x, out, count);
  if (is_half(target) && source == Type::float32) return to_half(target, x, out, count);
  // Numbers of 16 bits meet others by way of float32.
  if (is_half(source) || is_half(target)) {
    const size_t middle_bytes = product({count, sizeof(float)});
    const Buffer middle{environment.partials.bytes(middle_bytes), middle_bytes};
    convert(environment, from, x, static_cast<size_t>(Type::float32), middle, count);
    return convert(environment, static_cast<size_t>(Type::float32), middle, to, out, count);
  }
  switch (source) {
    case Type::float32: return convert_from<float>(target, x, out, count);
    case Type::int32: return convert_from<int32_t>(target, x, out, count);
    case Type::uint8: return convert_from<uint8_t>(target, x, out, count);
    case Type::float16:
    case Type::bfloat16: break;
  }
}

}  // namespace spikeship::elements
