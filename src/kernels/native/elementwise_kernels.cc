// Element by element: the loops. Compiled once for each instruction set.
#include "elementwise_kernels.h"

#include "element_ops.h"
#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

void fill(float* out, size_t count, float value) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = value;
}

namespace {

// Loops stand in functions, not in lambdas: GCC 12 does not vectorise a parallel loop over captured pointers.
template <class Op>
void unary_loop(const float* x, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(x[i]);
}

template <class Op>
void binary_loop(const float* a, const float* b, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i], b[i]);
}

template <class Op>
void scalar_loop(const float* a, float value, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = Op::apply(a[i], value);
}

template <class Op>
void reversed_scalar_loop(const float* a, float value, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
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
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) y[i] += alpha * x[i];
}

void clamp(const float* x, float low, float high, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const float raised = x[i] < low ? low : x[i];
    out[i] = raised > high ? high : raised;
  }
}

void clamp_grad(const float* x, const float* grad, float low, float high, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) out[i] = (x[i] >= low) & (x[i] <= high) ? grad[i] : 0.0f;
}

void to_float16(const float* x, uint16_t* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = std::bit_cast<uint32_t>(round_float16(x[i]));
    const uint32_t magnitude = bits & 0x7fffffffu;
    // A rounded number below 2^-14 is a multiple of 2^-24: that multiple is its bit pattern.
    const float multiple = std::bit_cast<float>(magnitude) * 16777216.0f;
    const uint32_t small = static_cast<uint32_t>(static_cast<int32_t>(magnitude < 0x38800000u ? multiple : 0.0f));
    const uint32_t normal = (magnitude - 0x38000000u) >> 13;
    uint32_t half = magnitude < 0x38800000u ? small : normal;
    half = magnitude == 0x7f800000u ? 0x7c00u : half;
    half = magnitude > 0x7f800000u ? 0x7e00u : half;
    out[i] = static_cast<uint16_t>(half | (bits >> 16 & 0x8000u));
  }
}

// To the nearest number with 8 significant bits, halves to even; NaN stays NaN.
void to_bfloat16(const float* x, uint16_t* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const uint32_t bits = std::bit_cast<uint32_t>(x[i]);
    const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
    out[i] = static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : nearest);
  }
}

void from_float16(const uint16_t* x, float* out, size_t count) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const uint32_t half = x[i];
    const uint32_t magnitude = half & 0x7fffu;
    const uint32_t small = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
    uint32_t bits = (magnitude << 13) + 0x38000000u;
    bits = magnitude < 0x400u ? small : bits;
    bits = magnitude >= 0x7c00u ? (magnitude << 13) | 0x7f800000u : bits;
    out[i] = std::bit_cast<float>(bits | (half & 0x8000u) << 16);
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
