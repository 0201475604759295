// Explicit padding, for the geometries in which oneDNN's own goes wrong.
//
// Measured with 2.6.3 and 3.7.2: on AVX-512 the weight gradient of a convolution leaves some taps unwritten, or ends the process,
// for a few windows whose padding is larger than "same" padding, i.e. 2 * padding > (kernel - 1) * dilation (for example depth 2,
// kernel 4, stride 2, padding 3). Forward and data gradient were right for all 23,820 geometries tried.
#pragma once

#include "arguments.h"

namespace spikeship::conv {

// True when an axis is padded, in front or behind, by more than "same" padding.
bool padded_beyond_same(const ConvSpec& spec);

// The same convolution over an input that holds its padding: exactly as long as its windows reach, padding 0.
ConvSpec with_padded_input(const ConvSpec& spec);

// x [N, spatial..., C] of `spec` with zeros around it, as the input of `padded`.
void pad_input(const ConvSpec& spec, const ConvSpec& padded, const float* x, float* out);

}  // namespace spikeship::conv
