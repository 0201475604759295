// The element operations, each once: included by per-ISA kernel files inside their namespace, so that every instruction set has
// its own copy. Written without branches, for the vectoriser.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

#include "arguments.h"
#include "inline_word.h"
#include "vector_math.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

// Nearest float16, ties to even, as a float32. Beyond 65504 (from 65520 on) infinity; below 2^-14 multiples of 2^-24.
SPIKESHIP_INLINE float round_float16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t sign = bits & 0x80000000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  // 13 bits of the mantissa are dropped; adding half of the last kept place, less one when it is even, rounds ties to even.
  const uint32_t rounded = (magnitude + 0xfffu + ((magnitude >> 13) & 1u)) & 0xffffe000u;
  // Adding 0.5, whose last place is 2^-24, rounds a small number to the grid of float16's subnormals.
  const uint32_t small = std::bit_cast<uint32_t>((std::bit_cast<float>(magnitude) + 0.5f) - 0.5f);
  uint32_t result = magnitude < 0x38800000u ? small : rounded;
  result = rounded >= 0x47800000u ? 0x7f800000u : result;
  result = magnitude > 0x7f800000u ? magnitude : result;
  return std::bit_cast<float>(result | sign);
}

struct Neg { SPIKESHIP_INLINE float apply(float x) { return -x; } };
struct Exp { SPIKESHIP_INLINE float apply(float x) { return static_cast<float>(exp_double(x)); } };
struct Log { SPIKESHIP_INLINE float apply(float x) { return static_cast<float>(log_double(x)); } };
struct Sqrt { SPIKESHIP_INLINE float apply(float x) { return std::sqrt(x); } };
struct Abs { SPIKESHIP_INLINE float apply(float x) { return std::fabs(x); } };
// NaN and both zeros come back as they are.
struct Sign { SPIKESHIP_INLINE float apply(float x) { return x > 0 ? 1.0f : (x < 0 ? -1.0f : x); } };
struct Sigmoid { SPIKESHIP_INLINE float apply(float x) { return static_cast<float>(1.0 / (1.0 + exp_double(-x))); } };
struct Tanh { SPIKESHIP_INLINE float apply(float x) { return static_cast<float>(tanh_double(x)); } };
struct Relu { SPIKESHIP_INLINE float apply(float x) { return x < 0 ? 0.0f : x; } };
struct Floor { SPIKESHIP_INLINE float apply(float x) { return std::floor(x); } };
struct Trunc { SPIKESHIP_INLINE float apply(float x) { return std::trunc(x); } };
struct RoundEven { SPIKESHIP_INLINE float apply(float x) { return std::nearbyint(x); } };
struct RoundFloat16 { SPIKESHIP_INLINE float apply(float x) { return round_float16(x); } };
struct Reciprocal { SPIKESHIP_INLINE float apply(float x) { return 1.0f / x; } };
struct Square { SPIKESHIP_INLINE float apply(float x) { return x * x; } };
struct IsFinite {
  SPIKESHIP_INLINE float apply(float x) {
    return (std::bit_cast<uint32_t>(x) & 0x7f800000u) != 0x7f800000u ? 1.0f : 0.0f;
  }
};

struct Add { SPIKESHIP_INLINE float apply(float a, float b) { return a + b; } };
struct Sub { SPIKESHIP_INLINE float apply(float a, float b) { return a - b; } };
struct Mul { SPIKESHIP_INLINE float apply(float a, float b) { return a * b; } };
struct Div { SPIKESHIP_INLINE float apply(float a, float b) { return a / b; } };
// NaN on either side wins, as in PyTorch and NumPy.
struct Max { SPIKESHIP_INLINE float apply(float a, float b) { return (a > b) | (a != a) ? a : b; } };
struct Min { SPIKESHIP_INLINE float apply(float a, float b) { return (a < b) | (a != a) ? a : b; } };
struct GreaterEqual { SPIKESHIP_INLINE float apply(float a, float b) { return a >= b ? 1.0f : 0.0f; } };
struct Greater { SPIKESHIP_INLINE float apply(float a, float b) { return a > b ? 1.0f : 0.0f; } };
struct Equal { SPIKESHIP_INLINE float apply(float a, float b) { return a == b ? 1.0f : 0.0f; } };

// Calls `use` with the operation as a type.
template <class Use>
void with_unary(UnaryOp op, Use use) {
  switch (op) {
    case UnaryOp::neg: return use(Neg{});
    case UnaryOp::exp: return use(Exp{});
    case UnaryOp::log: return use(Log{});
    case UnaryOp::sqrt: return use(Sqrt{});
    case UnaryOp::abs: return use(Abs{});
    case UnaryOp::sign: return use(Sign{});
    case UnaryOp::sigmoid: return use(Sigmoid{});
    case UnaryOp::tanh: return use(Tanh{});
    case UnaryOp::relu: return use(Relu{});
    case UnaryOp::floor: return use(Floor{});
    case UnaryOp::trunc: return use(Trunc{});
    case UnaryOp::round_even: return use(RoundEven{});
    case UnaryOp::round_float16: return use(RoundFloat16{});
    case UnaryOp::reciprocal: return use(Reciprocal{});
    case UnaryOp::square: return use(Square{});
    case UnaryOp::is_finite: return use(IsFinite{});
  }
}

template <class Use>
void with_binary(BinaryOp op, Use use) {
  switch (op) {
    case BinaryOp::add: return use(Add{});
    case BinaryOp::sub: return use(Sub{});
    case BinaryOp::mul: return use(Mul{});
    case BinaryOp::div: return use(Div{});
    case BinaryOp::max: return use(Max{});
    case BinaryOp::min: return use(Min{});
    case BinaryOp::greater_equal: return use(GreaterEqual{});
    case BinaryOp::greater: return use(Greater{});
    case BinaryOp::equal: return use(Equal{});
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
