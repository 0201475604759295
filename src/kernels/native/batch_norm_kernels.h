// Pieces of batch normalisation over a matrix [rows, columns], once for each instruction set; each handles some rows on one thread.
#pragma once

#include <cstddef>

#include "isa.h"

namespace spikeship {

#define SPIKESHIP_DECLARE(isa)                                                                                            \
  namespace isa {                                                                                                         \
  /* sums of (x - shift) and of its square */                                                                             \
  void norm_moments(const float* x, size_t rows, size_t columns, const float* shift, double* sums, double* squares);      \
  /* sums of grad and of grad * (x - mean) */                                                                             \
  void norm_grad_moments(const float* x, const float* grad, size_t rows, size_t columns, const float* mean, double* sums, \
                         double* dots);                                                                                   \
  /* y = x * scale + offset */                                                                                            \
  void norm_affine(const float* x, size_t rows, size_t columns, const float* scale, const float* offset, float* y);       \
  /* grad_x = (grad - grad_mean - (x - mean) * slope) * scale */                                                          \
  void norm_backward(const float* x, const float* grad, size_t rows, size_t columns, const float* mean,                   \
                     const float* grad_mean, const float* slope, const float* scale, float* grad_x);                      \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
