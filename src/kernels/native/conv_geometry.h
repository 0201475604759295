// What the files on convolutions share: the shapes of a specification as the library wants them, and what identifies an operation.
#pragma once

#include "activations.h"
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
// `types`: of source, weights and destination as the library computes with them. Plain weights and biases are float32.
struct Types {
  dnnl::memory::data_type source, weights, destination;
};
// Whether the library reads and writes such activations itself, so that no copy as floats is needed.
inline bool read_directly(ActivationType type, const Counts& n) { return type == ActivationType::bfloat16 && n.input > 0 && n.output > 0; }
Geometry geometry(const ConvSpec& spec, bool bias, Types types);
// All three of one type: the hint that backward operations are planned with.
Types all_of(dnnl::memory::data_type type);

}  // namespace spikeship::conv
