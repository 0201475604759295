// Softmax cross-entropy, once for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace spikeship {

// losses[r] = -log softmax(logits[r])[label]; grad (or null) = (softmax - one at the label) / rows. Labels are in range.
#define SPIKESHIP_DECLARE(isa)                                                                                            \
  namespace isa {                                                                                                         \
  void cross_entropy(size_t rows, size_t classes, const float* logits, const int32_t* labels, double* losses, float* grad); \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
