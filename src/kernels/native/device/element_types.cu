// Conversion between the element types of core/dtype.ts; numbers of 16 bits meet whole numbers by way of float32, as on the CPU.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../whole_numbers.h"
#include "factor_types.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

template <class Number>
constexpr bool is_half = std::is_same_v<Number, Float16> || std::is_same_v<Number, BFloat16>;

template <class To, class From>
NEURON_WORD To between(From value) {
  if constexpr (is_half<From>) {
    return between<To>(widened(value));
  } else if constexpr (is_half<To>) {
    To made;
    narrow(static_cast<float>(value), made);
    return made;
  } else {
    return converted<To>(value);
  }
}

template <class From, class To>
struct Convert {
  const From* x;
  To* out;
  size_t count;
  bool wide;
  DEVICE_CODE void operator()(size_t quad) const {
    const size_t first = 4 * quad;
    if (wide && first + 4 <= count) {
      const auto given = load<4>(x + first);
      Pack<To, 4> made;
      for (unsigned k = 0; k < 4; k++) made.at[k] = between<To>(given.at[k]);
      store(out + first, made);
    } else {
      for (size_t i = first; i < count && i < first + 4; i++) out[i] = between<To>(x[i]);
    }
  }
};

template <class From, class To>
void run(const void* x, void* out, size_t count) {
  const bool wide = aligned_to(4 * sizeof(From), x) && aligned_to(4 * sizeof(To), out);
  for_each(quads(count), Convert<From, To>{static_cast<const From*>(x), static_cast<To*>(out), count, wide}, "convert");
}

// Calls use(a number of the type) for type numbers 0 to 4.
template <class Use>
void with_type(size_t type, Use use) {
  switch (type) {
    case 0: return use(float{});
    case 1: return use(Float16{});
    case 2: return use(int32_t{});
    case 3: return use(uint8_t{});
    case 4: return use(BFloat16{});
  }
}

}  // namespace

void convert(size_t from_type, const void* x, size_t to_type, void* out, size_t count) {
  with_type(from_type, [=](auto from) {
    with_type(to_type, [=](auto to) { run<decltype(from), decltype(to)>(x, out, count); });
  });
}

}  // namespace spikeship::device
