// Orders in which the weights of a convolution are stored. PyTorch's is [O, I/groups, k...]; products and libraries that work
// channels-last want the channels innermost.
#pragma once

#include "device_runtime.h"

namespace spikeship::device {

enum class WeightOrder {
  outputs_first,  // [O, k..., I/groups]
  kernel_first,   // [groups, k..., O/groups, I/groups]
};

size_t weight_count(const ConvSpec& spec);

// Weights in another order than PyTorch's, rounded to `precision` (floats, or numbers of 16 bits), while this lives.
class OrderedWeights {
 public:
  OrderedWeights(const ConvSpec& spec, WeightOrder order, Precision precision, const float* weight);
  const void* data() const { return memory_.as<void>(); }

 private:
  Scratch memory_;
};

// From [O, k..., I/groups] to PyTorch's order.
void plain_weights(const ConvSpec& spec, const float* ordered, float* weight);

}  // namespace spikeship::device
