// The numbers of 16 bits that factors are rounded to: nearest, halves to even, NaN stays NaN, as on the CPU (number_types.h).
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
NEURON_WORD float number(Float16Factor x) { return from_float16_bits(x.bits); }

NEURON_WORD void put(float x, float& out) { out = x; }
NEURON_WORD void put(float x, Bfloat16Factor& out) { out.bits = bfloat16_bits(x); }
NEURON_WORD void put(float x, Float16Factor& out) { out.bits = float16_bits(x); }

// use(a factor of the type of a precision).
template <class Use>
void with_factor(Precision precision, Use use) {
  if (precision == Precision::bfloat16) use(Bfloat16Factor{});
  else if (precision == Precision::float16) use(Float16Factor{});
  else use(0.0f);
}

}  // namespace spikeship::device
