// The numbers of 16 bits that factors are rounded to and activations are stored in: nearest, halves to even, NaN stays NaN (but not which
// one), as on the CPU (number_types.h).
#pragma once

#if !defined(SPIKESHIP_ISA_NAMESPACE)
#define SPIKESHIP_ISA_NAMESPACE device
#endif

#include "device_words.h"

#include "../arguments.h"
#include "../number_types.h"

namespace spikeship::device {

struct Bfloat16Factor {
  uint16_t bits;
};
struct Float16Factor {
  uint16_t bits;
};

NEURON_WORD float number(float x) { return x; }
NEURON_WORD float number(Bfloat16Factor x) { return from_bfloat16_bits(x.bits); }
NEURON_WORD float number(Float16Factor x) {
#if defined(__CUDA_ARCH__)
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(x.bits));
  return wide;
#else
  return from_float16_bits(x.bits);
#endif
}

NEURON_WORD void put(float x, float& out) { out = x; }
NEURON_WORD void put(float x, Bfloat16Factor& out) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  out.bits = bfloat16_bits(x);
#endif
}
NEURON_WORD void put(float x, Float16Factor& out) {
#if defined(__CUDA_ARCH__)
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out.bits) : "f"(x));
#else
  out.bits = float16_bits(x);
#endif
}

// use(a factor of the type of a precision).
template <class Use>
void with_factor(Precision precision, Use use) {
  if (precision == Precision::bfloat16) use(Bfloat16Factor{});
  else if (precision == Precision::float16) use(Float16Factor{});
  else use(0.0f);
}

// use(a number as it is stored).
template <class Use>
void with_activation(ActivationType type, Use use) {
  if (type == ActivationType::bfloat16) use(Bfloat16Factor{});
  else if (type == ActivationType::float16) use(Float16Factor{});
  else use(0.0f);
}

// The precision whose numbers a type stores.
constexpr Precision precision_of(ActivationType type) {
  if (type == ActivationType::bfloat16) return Precision::bfloat16;
  return type == ActivationType::float16 ? Precision::float16 : Precision::float32;
}

}  // namespace spikeship::device
