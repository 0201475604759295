// Explicit padding, for the geometries in which oneDNN's own goes wrong.
//
// Measured with 2.6.3 and 3.7.2: on AVX-512 the weight gradient of a convolution leaves some taps unwritten, or ends the process,
// for a few windows whose padding is larger than "same" padding, i.e. 2 * padding > (kernel - 1) * dilation (for example depth 2,
// kernel 4, stride 2, padding 3). Forward and data gradient were right for all 23,820 geometries tried. With bfloat16 factors (measured
// with 2.6.3) taps that only see padding are not 0 where a strided window is longer than the input (for example width 1, kernel 3,
// stride 2, padding 1): 145 of 30,240 geometries with one axis, all of that kind.
#pragma once

#include "arguments.h"

namespace spikeship::conv {

// True when an axis is padded, in front or behind, by more than "same" padding.
bool padded_beyond_same(const ConvSpec& spec);

// True when an axis is padded and shorter than its windows.
bool padded_below_window(const ConvSpec& spec);

// The same convolution over an input that holds its padding: exactly as long as its windows reach, padding 0.
ConvSpec with_padded_input(const ConvSpec& spec);

// x [N, spatial..., C] of `spec` with zeros around it, as the input of `padded`.
void pad_input(const ConvSpec& spec, const ConvSpec& padded, const float* x, float* out);

}  // namespace spikeship::conv
