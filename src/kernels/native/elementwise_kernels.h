// Loops over elements, once for each instruction set. Lengths are the caller's business.
#pragma once

#include "arguments.h"
#include "isa.h"

namespace spikeship {

// One axis loop of a broadcast: `rows` outer positions whose offsets are given by outer shape and strides.
struct Broadcast {
  static constexpr size_t most_axes = 16;
  size_t axes;  // outer axes, without the innermost
  size_t shape[most_axes], a_stride[most_axes], b_stride[most_axes];
  size_t inner, a_inner_stride, b_inner_stride;
};

#define SPIKESHIP_DECLARE(isa)                                                                                          \
  namespace isa {                                                                                                       \
  void fill(float* out, size_t count, float value);                                                                     \
  void unary(UnaryOp op, const float* x, float* out, size_t count);                                                     \
  void binary(BinaryOp op, const float* a, const float* b, float* out, size_t count);                                   \
  void binary_scalar(BinaryOp op, const float* a, float value, bool reversed, float* out, size_t count);                \
  void binary_broadcast(BinaryOp op, const float* a, const float* b, float* out, const Broadcast& plan);                \
  void axpy(float alpha, const float* x, float* y, size_t count);                                                       \
  void clamp(const float* x, float low, float high, float* out, size_t count);                                          \
  void clamp_grad(const float* x, const float* grad, float low, float high, float* out, size_t count);                  \
  void to_float16(const float* x, uint16_t* out, size_t count);                                                         \
  void to_bfloat16(const float* x, uint16_t* out, size_t count);                                                        \
  void from_float16(const uint16_t* x, float* out, size_t count);                                                       \
  void from_bfloat16(const uint16_t* x, float* out, size_t count);                                                      \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
