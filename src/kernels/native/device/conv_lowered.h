// Convolutions as matrix products over the windows written out ("columns"). Every geometry can be computed this way; a library's own
// convolution is tried first where there is one (conv_by_library.h).
#pragma once

#include "dense_product.h"

namespace spikeship::device {

// A factor of a convolution, in numbers of a precision.
struct Factor {
  const void* data;
  Precision precision;
};

void lowered_forward(const ConvSpec& spec, Factor x, const float* weight, const float* bias, const Result& y);
void lowered_backward_data(const ConvSpec& spec, Factor grad_y, const float* weight, const Result& grad_x);
void lowered_backward_weights(const ConvSpec& spec, Factor x, Factor grad_y, float* grad_weight);

}  // namespace spikeship::device
