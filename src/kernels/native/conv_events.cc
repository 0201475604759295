// Convolution of an input that is mostly zeros: the weights are brought into the order in which events read them.
#include <algorithm>

#include "conv_geometry.h"
#include "device_call.h"
#include "event_conv_kernels.h"
#include "failure.h"

namespace spikeship::conv {
namespace {

// [O, I, taps] to [taps, I, O filled up with zeros].
void by_event(const ConvSpec& spec, const float* plain, float* ordered) {
  const size_t taps = spec.kernel_points(), in = spec.in_channels, out = spec.out_channels;
  const size_t row = (out + event_lanes - 1) / event_lanes * event_lanes;
  for (size_t tap = 0; tap < taps; tap++) {
    for (size_t i = 0; i < in; i++) {
      float* to = ordered + (tap * in + i) * row;
      for (size_t o = 0; o < out; o++) to[o] = plain[(o * in + i) * taps + tap];
      std::fill(to + out, to + row, 0.0f);
    }
  }
}

}  // namespace

bool forward_events(Environment& environment, ConvSpec spec, Buffer x, Buffer weight, OptionalBuffer bias, Buffer y, double most_events) {
  check(spec, "convEvents");
  if (spec.groups != 1) throw Failure{"OPTION", "convEvents", "1 group", std::to_string(spec.groups), ""};
  const Counts n = counts(spec);
  const float* source = x.floats(n.input, "convEvents x");
  const float* weights = weight.floats(n.weights, "convEvents weight");
  const float* offsets = bias.floats(spec.out_channels, "convEvents bias");
  float* destination = y.floats(n.output, "convEvents y");
  // Skipping zeros does not pay on a device: its matrix units are faster than its gathers.
  if (call_device() != nullptr) return false;
  const auto events = static_cast<double>(SPIKESHIP_ON_BEST_ISA(count_events(source, n.input)));
  if (events > most_events * static_cast<double>(n.input)) return false;

  EventConv conv{};
  conv.batch = spec.batch;
  conv.in_channels = spec.in_channels;
  conv.out_channels = spec.out_channels;
  for (size_t axis = 0; axis < 3; axis++) {
    conv.input[axis] = spec.input[axis];
    conv.output[axis] = spec.output[axis];
    conv.kernel[axis] = spec.kernel[axis];
    conv.stride[axis] = spec.stride[axis];
    conv.padding[axis] = spec.padding[axis];
    conv.dilation[axis] = spec.dilation[axis];
  }
  const size_t row = conv.padded_channels();
  auto* memory = static_cast<float*>(
      environment.pieces.bytes(product({spec.kernel_points() * spec.in_channels + 1, row, sizeof(float)})));
  std::fill_n(memory, row, 0.0f);
  if (offsets != nullptr) std::copy_n(offsets, spec.out_channels, memory);
  by_event(spec, weights, memory + row);
  conv.bias = memory;
  conv.weights = memory + row;
  SPIKESHIP_ON_BEST_ISA(event_conv(conv, source, destination));
  return true;
}

}  // namespace spikeship::conv
