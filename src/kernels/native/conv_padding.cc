// Writes a convolution's padding into its input.
#include "conv_padding.h"

#include <algorithm>

#include "parallel.h"

namespace spikeship::conv {
namespace {

size_t span(const ConvSpec& spec, size_t axis) { return (spec.kernel[axis] - 1) * spec.dilation[axis] + 1; }

// Positions from the first window's begin to the last window's end.
size_t reach(const ConvSpec& spec, size_t axis) { return (spec.output[axis] - 1) * spec.stride[axis] + span(spec, axis); }

}  // namespace

bool padded_beyond_same(const ConvSpec& spec) {
  for (size_t axis = 0; axis < 3; axis++) {
    const size_t front = spec.padding[axis];
    const size_t covered = front + spec.input[axis];
    const size_t behind = reach(spec, axis) > covered ? reach(spec, axis) - covered : 0;
    if (2 * std::max(front, behind) > span(spec, axis) - 1) return true;
  }
  return false;
}

bool padded_below_window(const ConvSpec& spec) {
  for (size_t axis = 0; axis < 3; axis++) {
    if (spec.padding[axis] > 0 && spec.input[axis] < span(spec, axis)) return true;
  }
  return false;
}

ConvSpec with_padded_input(const ConvSpec& spec) {
  ConvSpec padded = spec;
  for (size_t axis = 0; axis < 3; axis++) {
    padded.input[axis] = reach(spec, axis);
    padded.padding[axis] = 0;
  }
  return padded;
}

void pad_input(const ConvSpec& spec, const ConvSpec& padded, const float* x, float* out) {
  const size_t lines = padded.batch * padded.input[0] * padded.input[1];
  const size_t width = padded.input[2] * padded.in_channels;
  const size_t front = std::min(spec.padding[2], padded.input[2]);
  const size_t inside = std::min(spec.input[2], padded.input[2] - front);
#pragma omp parallel for schedule(static) if (lines * width >= parallel_from)
  for (size_t line = 0; line < lines; line++) {
    // Positions in front of the input wrap around to huge numbers, which lie outside as well.
    const size_t h = line % padded.input[1] - spec.padding[1];
    const size_t d = line / padded.input[1] % padded.input[0] - spec.padding[0];
    const size_t image = line / padded.input[1] / padded.input[0];
    float* target = out + line * width;
    if (h >= spec.input[1] || d >= spec.input[0]) {
      std::fill_n(target, width, 0.0f);
      continue;
    }
    const float* source = x + ((image * spec.input[0] + d) * spec.input[1] + h) * spec.input[2] * spec.in_channels;
    const size_t before = front * spec.in_channels;
    const size_t copied = inside * spec.in_channels;
    std::fill_n(target, before, 0.0f);
    std::copy_n(source, copied, target + before);
    std::fill_n(target + before + copied, width - before - copied, 0.0f);
  }
}

}  // namespace spikeship::conv
