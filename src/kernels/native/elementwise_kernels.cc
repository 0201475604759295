// Element by element: the loops. Compiled once for each instruction set.
#include "elementwise_kernels.h"

#include "element_ops.h"
#include "number_types.h"
#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

void fill(float* out, size_t count, float value) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = value;
}

namespace {

// Loops stand in functions, not in lambdas: GCC 12 does not vectorise a parallel loop over captured pointers.
template <class Op>
void unary_loop(const float* x, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(x[i]);
}

template <class Op>
void binary_loop(const float* a, const float* b, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i], b[i]);
}

template <class Op>
void scalar_loop(const float* a, float value, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i], value);
}

template <class Op>
void reversed_scalar_loop(const float* a, float value, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(value, a[i]);
}

}  // namespace

void unary(UnaryOp op, const float* x, float* out, size_t count) {
  with_unary(op, [=](auto operation) { unary_loop<decltype(operation)>(x, out, count); });
}

void binary(BinaryOp op, const float* a, const float* b, float* out, size_t count) {
  with_binary(op, [=](auto operation) { binary_loop<decltype(operation)>(a, b, out, count); });
}

void binary_scalar(BinaryOp op, const float* a, float value, bool reversed, float* out, size_t count) {
  with_binary(op, [=](auto operation) {
    if (reversed) reversed_scalar_loop<decltype(operation)>(a, value, out, count);
    else scalar_loop<decltype(operation)>(a, value, out, count);
  });
}

void axpy(float alpha, const float* x, float* y, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) y[i] += alpha * x[i];
}

void clamp(const float* x, float low, float high, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const float raised = x[i] < low ? low : x[i];
    out[i] = raised > high ? high : raised;
  }
}

void clamp_grad(const float* x, const float* grad, float low, float high, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = (x[i] >= low) & (x[i] <= high) ? grad[i] : 0.0f;
}

void to_float16(const float* x, uint16_t* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = float16_bits(x[i]);
}

void to_bfloat16(const float* x, uint16_t* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = bfloat16_bits(x[i]);
}

void from_float16(const uint16_t* x, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = from_float16_bits(x[i]);
}

void from_bfloat16(const uint16_t* x, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = from_bfloat16_bits(x[i]);
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
