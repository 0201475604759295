// Conversions between float32 and whole numbers, for the CPU and for device libraries.
#pragma once

#include <limits>
#include <type_traits>

#include "inline_word.h"

namespace spikeship {

// Whole numbers saturate at the ends of the range, fractions are cut toward zero, NaN becomes 0.
template <class To, class From>
SPIKESHIP_INLINE To converted(From value) {
  if constexpr (std::is_same_v<To, float>) {
    return static_cast<float>(value);
  } else {
    const double number = value;
    if (number != number) return 0;
    if (number <= std::numeric_limits<To>::min()) return std::numeric_limits<To>::min();
    if (number >= std::numeric_limits<To>::max()) return std::numeric_limits<To>::max();
    return static_cast<To>(number);
  }
}

}  // namespace spikeship
