// The operations that generated neuron code calls by name: the words for which C++ has no operator. Their exact meaning
// is in `src/model/neurons/vocabulary.ts`; the number target computes the same. Included inside the including file's
// own namespace. All are branch-free, so that loops over them become vector instructions.

template <class To, class From>
NEURON_WORD To bits_as(From value) {
  return __builtin_bit_cast(To, value);
}

NEURON_WORD float absolute(float x) { return bits_as<float>(bits_as<uint32_t>(x) & 0x7fffffffu); }
NEURON_WORD double absolute(double x) { return bits_as<double>(bits_as<uint64_t>(x) & 0x7fffffffffffffffu); }
NEURON_WORD float with_sign(float size, float of) {
  return bits_as<float>(bits_as<uint32_t>(size) | (bits_as<uint32_t>(of) & 0x80000000u));
}
NEURON_WORD double with_sign(double size, double of) {
  return bits_as<double>(bits_as<uint64_t>(size) | (bits_as<uint64_t>(of) & 0x8000000000000000u));
}

// To the nearest whole number and toward zero. Without SSE4.1's instructions by adding and subtracting 2^23 (2^52),
// which numbers of that size do not need. (g++ makes vector code of `trunc` only with -fno-trapping-math.)
#if defined(__CUDA_ARCH__)
NEURON_WORD double nearest(double x) { return rint(x); }
NEURON_WORD float truncate(float x) { return truncf(x); }
NEURON_WORD double truncate(double x) { return trunc(x); }
#elif defined(__SSE4_1__) || !defined(__x86_64__)
NEURON_WORD double nearest(double x) { return __builtin_rint(x); }
NEURON_WORD float truncate(float x) { return __builtin_truncf(x); }
NEURON_WORD double truncate(double x) { return __builtin_trunc(x); }
#else
NEURON_WORD float nearest_size(float size) { return size >= 0x1p23f ? size : (size + 0x1p23f) - 0x1p23f; }
NEURON_WORD double nearest_size(double size) { return size >= 0x1p52 ? size : (size + 0x1p52) - 0x1p52; }
NEURON_WORD double nearest(double x) { return with_sign(nearest_size(absolute(x)), x); }
template <class Real>
NEURON_WORD Real truncate(Real x) {
  const Real size = absolute(x);
  const Real near = nearest_size(size);
  return with_sign(near > size ? near - Real(1) : near, x);
}
#endif

// 2^n for whole n from -126 to 127. Adding 1.5 * 2^23 leaves n in the low bits; the shift moves it into the exponent.
NEURON_WORD float power_of_two(float n) {
  return bits_as<float>((bits_as<uint32_t>(n + 12582912.0f) << 23) + 0x3f800000u);
}

// Rounds to float16 and back: nearest even, infinity from 65520, subnormal steps of 2^-24, NaN stays NaN.
NEURON_WORD float half(float x) {
#if defined(__CUDA_ARCH__)
  unsigned short rounded16;
  float back;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(rounded16) : "f"(x));
  asm("cvt.f32.f16 %0, %1;" : "=f"(back) : "h"(rounded16));
  return back;
#else
  constexpr int32_t infinity = 0x7f800000, overflow = 0x477ff000, smallest_normal = 0x38800000;
  const int32_t bits = bits_as<int32_t>(x);
  const int32_t size = bits & 0x7fffffff;
  const int32_t normal = (size + 0xfff + ((size >> 13) & 1)) & ~0x1fff;
  const int32_t subnormal = bits_as<int32_t>((bits_as<float>(size) + 0.5f) - 0.5f);
  const int32_t finite = size < smallest_normal ? subnormal : normal;
  const int32_t rounded = size >= overflow ? infinity : finite;
  const int32_t kept = size > infinity ? size : rounded;
  return bits_as<float>(kept | (bits & ~0x7fffffff));
#endif
}

NEURON_WORD double to_grid(float x, float scale) { return static_cast<double>(truncate(scale * x)); }
NEURON_WORD float from_grid(double i, float scale) { return static_cast<float>(i) / scale; }
// Exact while |state| is below 2^41.
NEURON_WORD double decay_fixed(double state, double decay) { return truncate(state * (4096.0 - decay) * 0x1p-12); }
// Adding 0 turns -0 into 0.
NEURON_WORD double gate(double i, float open) { return i * static_cast<double>(open) + 0.0; }

NEURON_WORD double wrap24(double i) {
  const double lowered = i > 8388608.0 ? i - 16777216.0 : i;
  return lowered <= -8388608.0 ? lowered + 16777216.0 : lowered;
}
NEURON_WORD double saturate24(double i) {
  const double above = i < -8388607.0 ? -8388607.0 : i;
  return above > 8388607.0 ? 8388607.0 : above;
}
