// Convolution over the inputs that are not zero, once for each instruction set. Lengths are the caller's business.
#pragma once

#include <cstddef>

#include "isa.h"

namespace spikeship {

// Vectors of weights have this many channels; rows of weights and biases are filled up to whole vectors.
inline constexpr size_t event_lanes = 16;

// Geometry over three spatial axes (D, H, W), activations channels-last.
struct EventConv {
  size_t batch, in_channels, out_channels;
  size_t input[3], output[3], kernel[3], stride[3], padding[3], dilation[3];
  // [kD, kH, kW, I, O filled up], and [O filled up].
  const float* weights;
  const float* bias;

  size_t padded_channels() const { return (out_channels + event_lanes - 1) / event_lanes * event_lanes; }
};

#define SPIKESHIP_DECLARE(isa)                                         \
  namespace isa {                                                      \
  size_t count_events(const float* x, size_t count);                   \
  void event_conv(const EventConv& conv, const float* x, float* y);    \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
