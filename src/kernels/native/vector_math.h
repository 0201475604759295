// exp, log, tanh, sine and cosine in double precision, written for the vectoriser: no branches, no tables, no library calls, so
// that results are the same on every processor. Accurate to a few units in the 15th digit; rounded to float32 by the callers.
#pragma once

#include <bit>
#include <cstdint>

#include "inline_word.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

// Adding and subtracting 1.5 * 2^52 rounds a double to the nearest whole number, and leaves it in the low bits.
constexpr double round_shift = 6755399441055744.0;

// x = k ln 2 + r with |r| <= ln 2 / 2; returns exp(r) - 1 (Taylor series to the 13th power, error below 1e-17) and 2^k.
struct ExpParts {
  double minus_one, scale;
};
SPIKESHIP_INLINE ExpParts exp_parts(double x) {
  constexpr double log2_e = 1.4426950408889634;
  constexpr double ln2_high = 0.693147180369123816490;  // 33 bits, so that k * ln2_high is exact
  constexpr double ln2_low = 1.90821492927058770002e-10;
  x = x < -200.0 ? -200.0 : x;
  x = x > 200.0 ? 200.0 : x;
  const double shifted = x * log2_e + round_shift;
  const double k = shifted - round_shift;
  const double r = (x - k * ln2_high) - k * ln2_low;
  double sum = 1.0 / 6227020800.0;
  sum = sum * r + 1.0 / 479001600.0;
  sum = sum * r + 1.0 / 39916800.0;
  sum = sum * r + 1.0 / 3628800.0;
  sum = sum * r + 1.0 / 362880.0;
  sum = sum * r + 1.0 / 40320.0;
  sum = sum * r + 1.0 / 5040.0;
  sum = sum * r + 1.0 / 720.0;
  sum = sum * r + 1.0 / 120.0;
  sum = sum * r + 1.0 / 24.0;
  sum = sum * r + 1.0 / 6.0;
  sum = sum * r + 0.5;
  const uint64_t exponent = std::bit_cast<uint64_t>(shifted) + 1023u;
  return {r + r * r * sum, std::bit_cast<double>(exponent << 52)};
}

// Arguments beyond +-200 are cut there: far outside float32 on both sides.
SPIKESHIP_INLINE double exp_double(double x) {
  const ExpParts parts = exp_parts(x);
  return parts.scale + parts.scale * parts.minus_one;
}

// tanh x = t / (t + 2) with t = exp(2x) - 1, which keeps its digits near 0.
SPIKESHIP_INLINE double tanh_double(double x) {
  const ExpParts parts = exp_parts(2.0 * x);
  const double t = parts.scale * parts.minus_one + (parts.scale - 1.0);
  return t / (t + 2.0);
}

// x = 2^k z with z in [sqrt(1/2), sqrt 2); log z = 2 artanh((z - 1) / (z + 1)), series to the 21st power. For float32 arguments,
// which are normal numbers in double precision.
SPIKESHIP_INLINE double log_double(double x) {
  constexpr double ln2 = 0.69314718055994530942;
  constexpr uint64_t sqrt_half = 0x3fe6a09e667f3bcdull;
  constexpr uint64_t bias = 1024;
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t biased = (bits - sqrt_half + (bias << 52)) >> 52;
  // A whole number below 2^52 becomes a double by its bits: conversions of 64-bit integers do not vectorise everywhere.
  const double k = std::bit_cast<double>(biased | 0x4330000000000000ull) - (4503599627370496.0 + bias);
  const double z = std::bit_cast<double>(bits - ((biased - bias) << 52));
  const double s = (z - 1.0) / (z + 1.0);
  const double square = s * s;
  double sum = 1.0 / 21.0;
  sum = sum * square + 1.0 / 19.0;
  sum = sum * square + 1.0 / 17.0;
  sum = sum * square + 1.0 / 15.0;
  sum = sum * square + 1.0 / 13.0;
  sum = sum * square + 1.0 / 11.0;
  sum = sum * square + 1.0 / 9.0;
  sum = sum * square + 1.0 / 7.0;
  sum = sum * square + 1.0 / 5.0;
  sum = sum * square + 1.0 / 3.0;
  double result = k * ln2 + (2.0 * s + 2.0 * s * square * sum);
  constexpr double infinity = __builtin_inf();
  result = x == infinity ? infinity : result;
  result = x == 0.0 ? -infinity : result;
  return (x < 0.0) | (x != x) ? __builtin_nan("") : result;
}

// cos(2 pi u) for u in [0, 1): the quadrant is exact, the rest of at most an eighth of a turn goes through both Taylor series.
SPIKESHIP_INLINE double cos_turns(double u) {
  constexpr double half_pi = 1.5707963267948966;
  const double shifted = u * 4.0 + round_shift;
  const uint64_t quadrant = std::bit_cast<uint64_t>(shifted) & 3u;
  const double r = (u * 4.0 - (shifted - round_shift)) * half_pi;
  const double square = r * r;
  double cosine = 1.0 / 20922789888000.0;
  cosine = cosine * square - 1.0 / 87178291200.0;
  cosine = cosine * square + 1.0 / 479001600.0;
  cosine = cosine * square - 1.0 / 3628800.0;
  cosine = cosine * square + 1.0 / 40320.0;
  cosine = cosine * square - 1.0 / 720.0;
  cosine = cosine * square + 1.0 / 24.0;
  cosine = cosine * square - 0.5;
  cosine = cosine * square + 1.0;
  double sine = -1.0 / 1307674368000.0;
  sine = sine * square + 1.0 / 6227020800.0;
  sine = sine * square - 1.0 / 39916800.0;
  sine = sine * square + 1.0 / 362880.0;
  sine = sine * square - 1.0 / 5040.0;
  sine = sine * square + 1.0 / 120.0;
  sine = sine * square - 1.0 / 6.0;
  sine = sine * square + 1.0;
  sine = sine * r;
  const double value = (quadrant & 1u) != 0 ? sine : cosine;
  return (quadrant == 1u) | (quadrant == 2u) ? -value : value;
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
