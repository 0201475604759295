// One element from one type to another: the types of core/dtype.ts. Written without branches, for the vectoriser;
// included like element_ops.h.
#pragma once

#include <bit>
#include <cstdint>

#include "element_ops.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

SPIKESHIP_INLINE uint16_t float16_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(round_float16(x));
  const uint32_t magnitude = bits & 0x7fffffffu;
  // A rounded number below 2^-14 is a multiple of 2^-24: that multiple is its bit pattern.
  const float multiple = std::bit_cast<float>(magnitude) * 16777216.0f;
  const uint32_t small = static_cast<uint32_t>(static_cast<int32_t>(magnitude < 0x38800000u ? multiple : 0.0f));
  const uint32_t normal = (magnitude - 0x38000000u) >> 13;
  uint32_t half = magnitude < 0x38800000u ? small : normal;
  half = magnitude == 0x7f800000u ? 0x7c00u : half;
  half = magnitude > 0x7f800000u ? 0x7e00u : half;
  return static_cast<uint16_t>(half | (bits >> 16 & 0x8000u));
}

SPIKESHIP_INLINE float from_float16_bits(uint16_t x) {
  const uint32_t half = x;
  const uint32_t magnitude = half & 0x7fffu;
  const uint32_t small = std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f);
  uint32_t bits = (magnitude << 13) + 0x38000000u;
  bits = magnitude < 0x400u ? small : bits;
  bits = magnitude >= 0x7c00u ? (magnitude << 13) | 0x7f800000u : bits;
  return std::bit_cast<float>(bits | (half & 0x8000u) << 16);
}

// To the nearest number with 8 significant bits, halves to even; NaN stays NaN.
SPIKESHIP_INLINE uint16_t bfloat16_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const uint32_t nearest = (bits + 0x7fffu + (bits >> 16 & 1u)) >> 16;
  return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? bits >> 16 | 0x40u : nearest);
}

SPIKESHIP_INLINE float from_bfloat16_bits(uint16_t x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); }

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
