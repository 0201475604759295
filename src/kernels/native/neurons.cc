// Neuron scans as JavaScript calls them: lengths are checked here, everything else is neuron_scan's.
#include <list>

#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "float_copies.h"
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

// Numbers of a type in memory, behind the pointers that a call has for all of them.
template <class Pointer>
Pointer sequence(const OptionalBuffer& buffer, ActivationType type, size_t count, const char* what) {
  return static_cast<Pointer>(buffer.numbers(count, type, what));
}

template <class Pointer>
std::vector<Pointer> sequences(const std::vector<OptionalBuffer>& buffers, ActivationType type, size_t count, const char* what) {
  std::vector<Pointer> list;
  list.reserve(buffers.size());
  for (const OptionalBuffer& buffer : buffers) list.push_back(sequence<Pointer>(buffer, type, count, what));
  return list;
}

// The sequences of a call as floats for the CPU, whose scans know no other type.
class FloatSequences {
 public:
  FloatSequences(Environment& environment, ActivationType type) : environment_(environment), type_(type) {}
  void read(OptionalBuffer& buffer, size_t count, const char* what) {
    buffer = read_.emplace_back(environment_, buffer, type_, count, what).floats();
  }
  void write(OptionalBuffer& buffer, size_t count, const char* what) {
    buffer = written_.emplace_back(environment_, buffer, type_, count, what).floats();
  }
  void read(std::vector<OptionalBuffer>& buffers, size_t count, const char* what) {
    for (OptionalBuffer& buffer : buffers) read(buffer, count, what);
  }
  void write(std::vector<OptionalBuffer>& buffers, size_t count, const char* what) {
    for (OptionalBuffer& buffer : buffers) write(buffer, count, what);
  }
  void finish() const {
    for (const FloatsOut& sequence : written_) sequence.write();
  }

 private:
  Environment& environment_;
  ActivationType type_;
  std::list<FloatsIn> read_;
  std::list<FloatsOut> written_;
};

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

void forward(Environment& environment, NeuronForwardArguments arguments) {
  const size_t one = arguments.elements;
  const size_t all = product({arguments.steps, arguments.elements});
  const ActivationType type = arguments.type;
  if (type != ActivationType::float32 && call_device() == nullptr) {
    FloatSequences floats(environment, type);
    floats.read(arguments.x, arguments.repeated_input ? one : all, "neuronForward x");
    floats.write(arguments.spike, all, "neuronForward spike");
    floats.write(arguments.saved, all, "neuronForward saved");
    floats.write(arguments.state_seqs, all, "neuronForward stateSeqs");
    arguments.type = ActivationType::float32;
    forward(environment, arguments);
    return floats.finish();
  }
  const NeuronForwardCall call{
      arguments.variant,
      arguments.steps,
      arguments.elements,
      arguments.repeated_input,
      sequence<const float*>(arguments.x, type, arguments.repeated_input ? one : all, "neuronForward x"),
      pointers<const float*>(arguments.initial_states, one, "neuronForward initialStates"),
      {arguments.initial_values.begin(), arguments.initial_values.end()},
      pointers<float*>(arguments.final_states, one, "neuronForward finalStates"),
      {arguments.params.begin(), arguments.params.end()},
      sequence<float*>(arguments.spike, type, all, "neuronForward spike"),
      sequences<float*>(arguments.saved, type, all, "neuronForward saved"),
      sequences<float*>(arguments.state_seqs, type, all, "neuronForward stateSeqs"),
      type,
      nullptr,
      normalised(arguments.affine, arguments.channels, one),
  };
  SPIKESHIP_ON_DEVICE_OR_ISA(neuron_forward(call));
}

void backward(Environment& environment, NeuronBackwardArguments arguments) {
  const size_t one = arguments.elements;
  const size_t all = product({arguments.steps, arguments.elements});
  const size_t input = arguments.repeated_input ? one : all;
  const ActivationType type = arguments.type;
  if (type != ActivationType::float32 && call_device() == nullptr) {
    FloatSequences floats(environment, type);
    floats.read(arguments.x, input, "neuronBackward x");
    floats.read(arguments.saved, all, "neuronBackward saved");
    floats.read(arguments.grad_spike, all, "neuronBackward gradSpike");
    floats.read(arguments.grad_state_seqs, all, "neuronBackward gradStateSeqs");
    floats.read(arguments.grad_saved, all, "neuronBackward gradSaved");
    floats.write(arguments.grad_x, input, "neuronBackward gradX");
    arguments.type = ActivationType::float32;
    backward(environment, arguments);
    return floats.finish();
  }
  std::vector<double> grad_params(arguments.grad_params.begin(), arguments.grad_params.end());
  const NeuronBackwardCall call{
      arguments.variant,
      arguments.surrogate,
      {arguments.surrogate_params.begin(), arguments.surrogate_params.end()},
      arguments.steps,
      arguments.elements,
      arguments.repeated_input,
      sequence<const float*>(arguments.x, type, input, "neuronBackward x"),
      pointers<const float*>(arguments.initial_states, one, "neuronBackward initialStates"),
      {arguments.initial_values.begin(), arguments.initial_values.end()},
      sequences<const float*>(arguments.saved, type, all, "neuronBackward saved"),
      {arguments.params.begin(), arguments.params.end()},
      sequence<const float*>(arguments.grad_spike, type, all, "neuronBackward gradSpike"),
      sequences<const float*>(arguments.grad_state_seqs, type, all, "neuronBackward gradStateSeqs"),
      sequences<const float*>(arguments.grad_saved, type, all, "neuronBackward gradSaved"),
      pointers<const float*>(arguments.grad_final_states, one, "neuronBackward gradFinalStates"),
      sequence<float*>(arguments.grad_x, type, input, "neuronBackward gradX"),
      pointers<float*>(arguments.grad_initial_states, one, "neuronBackward gradInitialStates"),
      grad_params,
      type,
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
