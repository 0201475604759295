// Pooling over channels-last data, once for each instruction set. Geometry comes as links between the two grids.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace spikeship {

// Along one axis: position p of the result is linked to source positions `position[i]` through window tap `tap[i]`,
// i from first[p] to first[p + 1], in rising order of the source.
struct AxisLinks {
  const uint32_t* first;
  const uint32_t* position;
  const uint32_t* tap;
};

// Forward the result is y and the source x; backward the result is gradX and the source gradY.
struct PoolPlan {
  size_t batch, channels;
  size_t source[3], result[3], kernel[3];
  AxisLinks links[3];
  // Average only: window sizes along each axis by position of the output grid, or one divisor for all; null and 0 for sums.
  const uint32_t* window[3];
  size_t divisor;
};

#define SPIKESHIP_DECLARE(isa)                                                                               \
  namespace isa {                                                                                            \
  void pool_max(const PoolPlan& plan, const float* x, float* y, int32_t* indices);                           \
  void pool_max_backward(const PoolPlan& plan, const float* grad_y, const int32_t* indices, float* grad_x);  \
  void pool_sum(const PoolPlan& plan, const float* x, float* y);                                             \
  void pool_sum_backward(const PoolPlan& plan, const float* grad_y, float* grad_x);                          \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
