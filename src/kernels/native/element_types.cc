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
enum class Type : size_t { float32, float16, int32, uint8 };

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
    case Type::float16: break;
  }
}

}  // namespace

void convert(Environment& environment, size_t from, Buffer x, size_t to, Buffer out, size_t count) {
  if (from > 3 || to > 3) {
    throw Failure{"NATIVE", "convert", "element types 0 to 3", std::to_string(from) + " and " + std::to_string(to), ""};
  }
  const auto source = static_cast<Type>(from);
  const auto target = static_cast<Type>(to);
  if (source == target) {
    constexpr size_t bytes[] = {4, 2, 4, 1};
    return memory::copy(environment, x, 0, out, 0, product({count, bytes[from]}));
  }
  if (const DeviceKernels* device = call_device()) {
    constexpr size_t bytes[] = {4, 2, 4, 1};
    const void* given = x.as<uint8_t>(product({count, bytes[from]}), "convert x");
    return device->convert(from, given, to, out.as<uint8_t>(product({count, bytes[to]}), "convert out"), count);
  }
  // float16 meets whole numbers by way of float32.
  if (source == Type::float16 && target == Type::float32) {
    const auto* halves = x.as<uint16_t>(count, "convert x");
    return SPIKESHIP_ON_BEST_ISA(from_float16(halves, out.floats(count, "convert out"), count));
  }
  if (target == Type::float16 && source == Type::float32) {
    auto* halves = out.as<uint16_t>(count, "convert out");
    return SPIKESHIP_ON_BEST_ISA(to_float16(x.floats(count, "convert x"), halves, count));
  }
  if (source == Type::float16 || target == Type::float16) {
    const size_t bytes = product({count, sizeof(float)});
    const Buffer middle{environment.partials.bytes(bytes), bytes};
    convert(environment, from, x, static_cast<size_t>(Type::float32), middle, count);
    return convert(environment, static_cast<size_t>(Type::float32), middle, to, out, count);
  }
  switch (source) {
    case Type::float32: return convert_from<float>(target, x, out, count);
    case Type::int32: return convert_from<int32_t>(target, x, out, count);
    case Type::uint8: return convert_from<uint8_t>(target, x, out, count);
    case Type::float16: break;
  }
}

}  // namespace spikeship::elements
