// Neuron scans as JavaScript calls them: lengths are checked here, everything else is neuron_scan's.
#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "neuron_scan.h"

namespace spikeship::neurons {

#if defined(SPIKESHIP_NEURON_SCAN)

namespace {

template <class Pointer>
std::vector<Pointer> pointers(const std::vector<OptionalBuffer>& buffers, size_t count, const char* what) {
  std::vector<Pointer> list;
  list.reserve(buffers.size());
  for (const OptionalBuffer& buffer : buffers) list.push_back(buffer.floats(count, what));
  return list;
}

ChannelTerms normalised(const OptionalBuffer& affine, size_t channels, size_t elements) {
  if (!affine.present()) return {};
  if (channels == 0 || elements % channels != 0) {
    throw Failure{"SHAPE", "neuron scan", "whole rows of channels in a step",
                  std::to_string(elements) + " elements of " + std::to_string(channels) + " channels", ""};
  }
  const float* terms = affine.floats(product({2, channels}), "neuron scan affine");
  return {terms, terms + channels, channels};
}

}  // namespace

void forward(Environment&, NeuronForwardArguments arguments) {
  const size_t one = arguments.elements;
  const size_t all = product({arguments.steps, arguments.elements});
  const NeuronForwardCall call{
      arguments.variant,
      arguments.steps,
      arguments.elements,
      arguments.repeated_input,
      arguments.x.floats(arguments.repeated_input ? one : all, "neuronForward x"),
      pointers<const float*>(arguments.initial_states, one, "neuronForward initialStates"),
      {arguments.initial_values.begin(), arguments.initial_values.end()},
      pointers<float*>(arguments.final_states, one, "neuronForward finalStates"),
      {arguments.params.begin(), arguments.params.end()},
      arguments.spike.floats(all, "neuronForward spike"),
      pointers<float*>(arguments.saved, all, "neuronForward saved"),
      pointers<float*>(arguments.state_seqs, all, "neuronForward stateSeqs"),
      SequenceType::float32,
      nullptr,
      normalised(arguments.affine, arguments.channels, one),
  };
  SPIKESHIP_ON_DEVICE_OR_ISA(neuron_forward(call));
}

void backward(Environment&, NeuronBackwardArguments arguments) {
  const size_t one = arguments.elements;
  const size_t all = product({arguments.steps, arguments.elements});
  const size_t input = arguments.repeated_input ? one : all;
  std::vector<double> grad_params(arguments.grad_params.begin(), arguments.grad_params.end());
  const NeuronBackwardCall call{
      arguments.variant,
      arguments.surrogate,
      {arguments.surrogate_params.begin(), arguments.surrogate_params.end()},
      arguments.steps,
      arguments.elements,
      arguments.repeated_input,
      arguments.x.floats(input, "neuronBackward x"),
      pointers<const float*>(arguments.initial_states, one, "neuronBackward initialStates"),
      {arguments.initial_values.begin(), arguments.initial_values.end()},
      pointers<const float*>(arguments.saved, all, "neuronBackward saved"),
      {arguments.params.begin(), arguments.params.end()},
      arguments.grad_spike.floats(all, "neuronBackward gradSpike"),
      pointers<const float*>(arguments.grad_state_seqs, all, "neuronBackward gradStateSeqs"),
      pointers<const float*>(arguments.grad_saved, all, "neuronBackward gradSaved"),
      pointers<const float*>(arguments.grad_final_states, one, "neuronBackward gradFinalStates"),
      arguments.grad_x.floats(input, "neuronBackward gradX"),
      pointers<float*>(arguments.grad_initial_states, one, "neuronBackward gradInitialStates"),
      grad_params,
      SequenceType::float32,
      normalised(arguments.affine, arguments.channels, one),
  };
  SPIKESHIP_ON_DEVICE_OR_ISA(neuron_backward(call));
  std::copy(grad_params.begin(), grad_params.end(), arguments.grad_params.begin());
}

void surrogate_grad(Environment&, std::string surrogate, Numbers params, Buffer x, Buffer out, size_t count) {
  const std::vector<double> values(params.begin(), params.end());
  SPIKESHIP_ON_DEVICE_OR_ISA(surrogate_grad(surrogate, values, x.floats(count, "surrogateGrad x"),
                                       out.floats(count, "surrogateGrad out"), count));
}

#else

namespace {

[[noreturn]] void not_built(const char* where) {
  throw Failure{"NATIVE", where, "a core built with neuron_scan.cc", "one without", "Run npm run setup."};
}

}  // namespace

void forward(Environment&, NeuronForwardArguments) { not_built("neuronForward"); }
void backward(Environment&, NeuronBackwardArguments) { not_built("neuronBackward"); }
void surrogate_grad(Environment&, std::string, Numbers, Buffer, Buffer, size_t) { not_built("surrogateGrad"); }

#endif

}  // namespace spikeship::neurons
