// Binary operations with NumPy's broadcasting: the loops. Compiled once for each instruction set.
#include "element_ops.h"
#include "elementwise_kernels.h"
#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

// Where row `row` of the output begins in an input.
inline size_t offset(const Broadcast& plan, const size_t* strides, size_t row) {
  size_t result = 0;
  for (size_t axis = plan.axes; axis-- > 0;) {
    result += row % plan.shape[axis] * strides[axis];
    row /= plan.shape[axis];
  }
  return result;
}

template <class Op>
inline void row_of(const Broadcast& plan, const float* a, const float* b, float* out) {
  const size_t count = plan.inner;
  const size_t a_stride = plan.a_inner_stride;
  const size_t b_stride = plan.b_inner_stride;
  if (a_stride == 1 && b_stride == 1) {
#pragma omp simd
    for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i], b[i]);
  } else if (a_stride == 1 && b_stride == 0) {
    const float value = b[0];
#pragma omp simd
    for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i], value);
  } else if (a_stride == 0 && b_stride == 1) {
    const float value = a[0];
#pragma omp simd
    for (size_t i = 0; i < count; i++) out[i] = Op::apply(value, b[i]);
  } else {
    for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i * a_stride], b[i * b_stride]);
  }
}

}  // namespace

void binary_broadcast(BinaryOp op, const float* a, const float* b, float* out, const Broadcast& plan) {
  size_t rows = 1;
  for (size_t axis = 0; axis < plan.axes; axis++) rows *= plan.shape[axis];
  with_binary(op, [&](auto operation) {
#pragma omp parallel for schedule(static) if (rows > 1 && rows * plan.inner >= parallel_from)
    for (size_t row = 0; row < rows; row++) {
      row_of<decltype(operation)>(plan, a + offset(plan, plan.a_stride, row), b + offset(plan, plan.b_stride, row),
                                  out + row * plan.inner);
    }
  });
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
