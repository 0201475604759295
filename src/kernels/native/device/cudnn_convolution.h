// Convolutions as cuDNN's graph API describes them, and the plans that it suggests for them.
#pragma once

#include <memory>
#include <vector>

#include "../arguments.h"
#include "cudnn_descriptor.h"

namespace spikeship::device::cudnn {

enum class Direction { forward, backward_data, backward_weights };

// Names of the tensors in a graph.
inline constexpr int64_t id_x = 1, id_weights = 2, id_y = 3;

// What plans may rely on that the address of every tensor is a multiple of; wide loads need it.
inline constexpr int64_t alignment = 16;

// A convolution with all that it is made of.
struct Operation {
  Descriptor x, weights, y, geometry, operation;
};

// A plan with all that it was made from: whether cuDNN copies the parts of a descriptor or refers to them is not documented.
struct Plan {
  std::shared_ptr<const Operation> operation;
  std::shared_ptr<const Descriptor> graph;
  Descriptor choice, plan;
  size_t workspace;
};

// x [batch, spatial..., I] and y [batch, spatial..., O] channels-last, weights [O, k..., I/groups]; factors of `precision`, the result
// of its own type. For the gradients the tensor of the same name is meant.
// Throws Refused, also where padding behind the input would be negative.
std::shared_ptr<const Operation> convolution(Direction direction, const ConvSpec& spec, Precision precision, ActivationType result);

// At most `most` plans for an operation, best first, of those that repeat their results exactly, add float32 in float32, and do no
// transform that would round what direct sums keep exact. `tf32`: float32 factors may be cut for tensor cores.
std::vector<Plan> plans(Handle handle, std::shared_ptr<const Operation> operation, Precision precision, bool tf32, size_t most);

// Queues the work of a plan. `weights`, x and y: what the direction reads and writes.
Status execute(Handle handle, const Plan& plan, const void* x, const void* weights, const void* y, void* workspace);

}  // namespace spikeship::device::cudnn
