// A library's own convolutions, where the device has one. false: it has none for this geometry, and nothing was computed.
#pragma once

#include "conv_lowered.h"

namespace spikeship::device {

bool library_forward(const ConvSpec& spec, Factor x, const float* weight, const float* bias, const Result& y);
bool library_backward_data(const ConvSpec& spec, Factor grad_y, const float* weight, const Result& grad_x);
bool library_backward_weights(const ConvSpec& spec, Factor x, Factor grad_y, float* grad_weight);

}  // namespace spikeship::device
