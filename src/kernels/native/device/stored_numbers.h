// Numbers as they are stored: float32, or 16 bits to the nearest with halves to even, as on the CPU (number_types.h). NaN stays NaN, but not
// which one.
#pragma once

#include "run_time_words.h"

namespace spikeship::device {

struct Float16 {
  uint16_t bits;
};
struct BFloat16 {
  uint16_t bits;
};

NEURON_WORD float widened(float x) { return x; }
NEURON_WORD float widened(BFloat16 x) { return __builtin_bit_cast(float, static_cast<uint32_t>(x.bits) << 16); }
NEURON_WORD float widened(Float16 x) {
#if defined(__CUDA_ARCH__)
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#else
  return from_float16_bits(x.bits);
#endif
}

NEURON_WORD void narrow(float x, float& out) { out = x; }
NEURON_WORD void narrow(float x, BFloat16& out) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  out.bits = bfloat16_bits(x);
#endif
}
NEURON_WORD void narrow(float x, Float16& out) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  out.bits = float16_bits(x);
#endif
}

}  // namespace spikeship::device
