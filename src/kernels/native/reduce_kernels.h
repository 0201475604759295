// Pieces of reductions, once for each instruction set: each handles one chunk on one thread.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace spikeship {

// x is a matrix of `rows` by `columns` whose rows lie `stride` elements apart.
#define SPIKESHIP_DECLARE(isa)                                                                                   \
  namespace isa {                                                                                                \
  void sum_columns(const float* x, size_t rows, size_t stride, size_t columns, double* sums);                    \
  void max_columns(const float* x, size_t rows, size_t stride, size_t columns, float* out);                      \
  void argmax_columns(const float* x, size_t rows, size_t stride, size_t columns, float* best, int32_t* out);    \
  double sum_squares(const float* x, size_t count, float factor);                                                \
  size_t count_non_finite(const float* x, size_t count);                                                         \
  size_t count_different(const float* a, const float* b, size_t count);                                          \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
