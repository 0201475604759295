// The scan of a neuron over time, forward and backward: what the module calls and `neuron_scan.cc` answers, once for each
// instruction set. Arrays are `[steps, elements]`, states `[elements]`; a pointer is null where a buffer is absent. A state
// without a buffer begins with its number in `initial_values` for all elements. `repeated_input`: x is `[elements]`, the same at
// every step, and so is grad_x, the sum over steps. `normalised`: the neuron gets x * scale + offset of its channel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "isa.h"
#include "activation_type.h"

namespace spikeship {

// Terms `[channels]` of an input whose channels lie innermost; null where the input is taken as it is.
struct ChannelTerms {
  const float *scale = nullptr, *offset = nullptr;
  size_t channels = 1;
};

struct NeuronForwardCall {
  std::string variant;
  size_t steps, elements;
  bool repeated_input;
  const float* x;
  std::vector<const float*> initial_states;
  std::vector<double> initial_values;
  std::vector<float*> final_states;
  std::vector<double> params;
  float* spike;
  std::vector<float*> saved;
  std::vector<float*> state_seqs;
  ActivationType type = ActivationType::float32;
  // `[steps, ceil(elements / 32)]`: element i is bit i % 32 of word i / 32.
  uint32_t* spike_bits = nullptr;
  ChannelTerms normalised{};
};

struct NeuronBackwardCall {
  std::string variant, surrogate;
  std::vector<double> surrogate_params;
  size_t steps, elements;
  bool repeated_input;
  const float* x;
  std::vector<const float*> initial_states;
  std::vector<double> initial_values;
  std::vector<const float*> saved;
  std::vector<double> params;
  const float* grad_spike;
  std::vector<const float*> grad_state_seqs;
  std::vector<const float*> grad_saved;
  std::vector<const float*> grad_final_states;
  float* grad_x;
  std::vector<float*> grad_initial_states;
  std::vector<double>& grad_params;
  ActivationType type = ActivationType::float32;
  ChannelTerms normalised{};
};

#define SPIKESHIP_DECLARE(isa)                                                                                  \
  namespace isa {                                                                                               \
  void neuron_forward(const NeuronForwardCall& call);                                                           \
  void neuron_backward(const NeuronBackwardCall& call);                                                         \
  void surrogate_grad(const std::string& surrogate, const std::vector<double>& params, const float* x, float* out, \
                      size_t n);                                                                                \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
