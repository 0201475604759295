// What follows from the type of activations: their bytes, and the types of a product.
#pragma once

#include <cstddef>
#include <initializer_list>

#include "activation_type.h"

namespace spikeship {

constexpr size_t bytes_of(ActivationType type) { return type == ActivationType::float32 ? 4 : 2; }

// How the arrays of a matrix product are stored.
struct ProductTypes {
  ActivationType a = ActivationType::float32, b = ActivationType::float32, c = ActivationType::float32;
  // The 16-bit type among them, to which the others' numbers are rounded as factors; float32 where there is none.
  constexpr ActivationType half() const {
    for (const ActivationType type : {a, b, c}) {
      if (type != ActivationType::float32) return type;
    }
    return ActivationType::float32;
  }
};

// The number by which core/dtype.ts knows the type.
constexpr size_t element_type(ActivationType type) {
  if (type == ActivationType::float32) return 0;
  return type == ActivationType::float16 ? 1 : 4;
}

}  // namespace spikeship
