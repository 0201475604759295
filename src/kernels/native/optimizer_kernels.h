// One step of an optimizer over the elements of a parameter, once for each instruction set.
#pragma once

#include "arguments.h"
#include "isa.h"
#include "optimizer_step.h"

namespace spikeship {

#define SPIKESHIP_DECLARE(isa)                                                                                         \
  namespace isa {                                                                                                      \
  void sgd_step(float* param, const float* grad, float* momentum, size_t count, const SgdOptions& options,             \
                const GradientChange& change);                                                                         \
  void adam_step(float* param, const float* grad, float* mean, float* variance, size_t count, const AdamOptions& options, \
                 const GradientChange& change);                                                                        \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
