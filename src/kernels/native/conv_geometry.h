// What the files on convolutions share: the shapes of a specification as the library wants them, and what identifies an operation.
#pragma once

#include "dense.h"
#include "dnnl_compat.h"
#include "entries.h"

namespace spikeship::conv {

enum class Kind : int64_t { forward = 1, forward_bias, backward_data, backward_weights };

struct Counts {
  size_t input, output, weights;
};

// Descriptors with weights in any order, and their order here.
struct Geometry {
  dnnl_compat::ConvDescriptors descriptors;
  dnnl::memory::desc plain_weights;
};

Counts counts(const ConvSpec& spec);
// Throws where groups do not fit, or a window cannot be.
void check(const ConvSpec& spec, const char* where);
Dense::Key key(Kind kind, const ConvSpec& spec);
Geometry geometry(const ConvSpec& spec, bool bias);

}  // namespace spikeship::conv
