// How the numbers that layers hand on, and their gradients, lie in memory. Arithmetic and sums are float32 in every one of them.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "sequence_type.h"

namespace spikeship {

using ActivationType = SequenceType;

constexpr size_t bytes_of(ActivationType type) { return type == ActivationType::float32 ? 4 : 2; }

// The 16-bit type among those of a product's arrays; float32 where there is none.
constexpr ActivationType half_of(std::initializer_list<ActivationType> types) {
  for (const ActivationType type : types) {
    if (type != ActivationType::float32) return type;
  }
  return ActivationType::float32;
}

// The number by which core/dtype.ts knows the type.
constexpr size_t element_type(ActivationType type) {
  if (type == ActivationType::float32) return 0;
  return type == ActivationType::float16 ? 1 : 4;
}

}  // namespace spikeship
