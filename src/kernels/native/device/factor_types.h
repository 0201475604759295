// From a precision or an activation type to the numbers that are stored for it.
#pragma once

#include "stored_numbers.h"

#include "../arguments.h"

namespace spikeship::device {

// use(a factor of the type of a precision).
template <class Use>
void with_factor(Precision precision, Use use) {
  if (precision == Precision::bfloat16) use(BFloat16{});
  else if (precision == Precision::float16) use(Float16{});
  else use(0.0f);
}

// use(a number as it is stored).
template <class Use>
void with_activation(ActivationType type, Use use) {
  if (type == ActivationType::bfloat16) use(BFloat16{});
  else if (type == ActivationType::float16) use(Float16{});
  else use(0.0f);
}

// The precision whose numbers a type stores.
constexpr Precision precision_of(ActivationType type) {
  if (type == ActivationType::bfloat16) return Precision::bfloat16;
  return type == ActivationType::float16 ? Precision::float16 : Precision::float32;
}

}  // namespace spikeship::device
