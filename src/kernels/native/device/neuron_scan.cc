// The scan of a neuron over time on a device: finds the variant, checks the call and starts its kernel.
#include "../neuron_scan.h"

#include <algorithm>
#include <utility>

#include "../activations.h"
#include "../neuron_refusal.h"
#include "device_runtime.h"
#include "kernels.h"
#include "neuron_sums.h"
#include "neuron_table.h"

namespace spikeship::device {
namespace {

template <int... parts>
NeuronPart part_at(int wanted, std::integer_sequence<int, parts...>) {
  NeuronPart found{};
  ((parts == wanted ? void(found = neuron_part<parts>()) : void()), ...);
  return found;
}

const NeuronEntry* compiled_neuron(const std::string& name) {
  for (int part = 0; part < neuron_parts; part++) {
    const NeuronPart list = part_at(part, std::make_integer_sequence<int, neuron_parts>{});
    for (size_t i = 0; i < list.count; i++) {
      if (list.entries[i].forward && name == list.entries[i].name) return &list.entries[i];
    }
  }
  return nullptr;
}

const NeuronEntry& find_neuron(const std::string& name) {
  if (const NeuronEntry* entry = compiled_neuron(name)) return *entry;
  if (const NeuronEntry* entry = user_neuron(name)) return *entry;
  refuse_neuron_call("a known neuron variant", name.c_str());
}

// Whether every array that is there begins where a thread may read or write its elements as one.
class Alignment {
 public:
  Alignment(size_t elements, int width, ActivationType type)
      : sequence_(static_cast<size_t>(width) * bytes_of(type)), state_(static_cast<size_t>(width) * sizeof(float)),
        wide_(elements % static_cast<size_t>(width) == 0) {}
  void sequence(const void* array) { require(array, sequence_); }
  void state(const void* array) { require(array, state_); }
  bool wide() const { return wide_; }

 private:
  void require(const void* array, size_t bytes) { wide_ = wide_ && reinterpret_cast<uintptr_t>(array) % bytes == 0; }
  size_t sequence_, state_;
  bool wide_;
};

template <class From, class To, int most>
void fill(const std::vector<From>& from, To (&to)[most]) {
  for (size_t i = 0; i < most; i++) to[i] = i < from.size() ? from[i] : To{};
}

size_t blocks_for(size_t elements, unsigned threads, int width) {
  const size_t tile = threads * static_cast<size_t>(width);
  return (elements + tile - 1) / tile;
}

void expect_forward(const NeuronForwardCall& call, const NeuronFacts& facts) {
  const auto states = static_cast<size_t>(facts.states), stored = static_cast<size_t>(facts.stored);
  expect_neuron_count("parameters", static_cast<size_t>(facts.parameters), call.params.size());
  expect_neuron_count("initial states", states, call.initial_states.size());
  expect_neuron_count("initial values", states, call.initial_values.size());
  expect_neuron_count("final states", states, call.final_states.size());
  expect_neuron_count("saved values", stored, call.saved.size());
  expect_neuron_count("state sequences", states, call.state_seqs.size());
}

// Whether the values that the derivative reads have to be computed again.
bool has_to_recompute(const NeuronBackwardCall& call, const NeuronFacts& facts) {
  for (int k = 0; k < facts.stored; k++) {
    if ((facts.reads_stored >> k & 1) != 0 && !call.saved[static_cast<size_t>(k)]) return true;
  }
  return false;
}

void expect_backward(const NeuronBackwardCall& call, const NeuronFacts& facts) {
  const auto states = static_cast<size_t>(facts.states), stored = static_cast<size_t>(facts.stored);
  const auto parameters = static_cast<size_t>(facts.parameters);
  expect_neuron_count("parameters", parameters, call.params.size());
  expect_neuron_count("parameter gradients", parameters, call.grad_params.size());
  expect_neuron_count("initial states", states, call.initial_states.size());
  expect_neuron_count("initial values", states, call.initial_values.size());
  expect_neuron_count("saved values", stored, call.saved.size());
  expect_neuron_count("gradients of state sequences", states, call.grad_state_seqs.size());
  expect_neuron_count("gradients of saved values", stored, call.grad_saved.size());
  expect_neuron_count("gradients of final states", states, call.grad_final_states.size());
  expect_neuron_count("gradients of initial states", states, call.grad_initial_states.size());
  if (!call.x && (facts.reads_x || has_to_recompute(call, facts))) {
    refuse_neuron_call("every buffer that the variant's derivative reads, or the input to compute it again", "an absent one");
  }
  if (facts.fires && call.surrogate.empty()) refuse_neuron_call("a surrogate function", "none");
}

InputTerms input_terms(const ChannelTerms& terms, const Alignment& alignment, int width) {
  const size_t group = static_cast<size_t>(width) * sizeof(float);
  const auto aligned = [=](const float* array) { return reinterpret_cast<uintptr_t>(array) % group == 0; };
  const bool whole = terms.channels % static_cast<size_t>(width) == 0;
  return {terms.scale, terms.offset, terms.channels, alignment.wide() && whole && aligned(terms.scale) && aligned(terms.offset)};
}

ForwardArguments forward_arguments(const NeuronForwardCall& call, int width) {
  ForwardArguments arguments{};
  Alignment alignment(call.elements, width, call.type);
  alignment.sequence(call.x);
  alignment.sequence(call.spike);
  for (const auto* array : call.saved) alignment.sequence(array);
  for (const auto* array : call.state_seqs) alignment.sequence(array);
  for (const auto* array : call.initial_states) alignment.state(array);
  for (const auto* array : call.final_states) alignment.state(array);
  arguments.shape = {call.steps, call.elements, call.repeated_input, alignment.wide(), call.type};
  arguments.normalised = input_terms(call.normalised, alignment, width);
  fill(call.params, arguments.params);
  fill(call.initial_values, arguments.initial_values);
  fill(call.initial_states, arguments.initial_states);
  fill(call.final_states, arguments.final_states);
  fill(call.saved, arguments.saved);
  fill(call.state_seqs, arguments.state_seqs);
  arguments.x = call.x;
  arguments.spike = call.spike;
  arguments.spike_bits = call.spike_bits;
  return arguments;
}

BackwardArguments backward_arguments(const NeuronBackwardCall& call, int width) {
  BackwardArguments arguments{};
  Alignment alignment(call.elements, width, call.type);
  for (const float* array : {call.x, call.grad_spike, static_cast<const float*>(call.grad_x)}) alignment.sequence(array);
  for (const auto* array : call.saved) alignment.sequence(array);
  for (const auto* array : call.grad_state_seqs) alignment.sequence(array);
  for (const auto* array : call.grad_saved) alignment.sequence(array);
  for (const auto* array : call.initial_states) alignment.state(array);
  for (const auto* array : call.grad_final_states) alignment.state(array);
  for (const auto* array : call.grad_initial_states) alignment.state(array);
  arguments.shape = {call.steps, call.elements, call.repeated_input, alignment.wide(), call.type};
  arguments.normalised = input_terms(call.normalised, alignment, width);
  fill(call.params, arguments.params);
  fill(call.initial_values, arguments.initial_values);
  fill(call.initial_states, arguments.initial_states);
  fill(call.saved, arguments.saved);
  fill(call.grad_state_seqs, arguments.grad_state_seqs);
  fill(call.grad_saved, arguments.grad_saved);
  fill(call.grad_final_states, arguments.grad_final_states);
  fill(call.grad_initial_states, arguments.grad_initial_states);
  const auto is_there = [](const float* array) { return array != nullptr; };
  arguments.given = std::any_of(call.grad_saved.begin(), call.grad_saved.end(), is_there) ||
                    std::any_of(call.grad_state_seqs.begin(), call.grad_state_seqs.end(), is_there);
  arguments.x = call.x;
  arguments.grad_spike = call.grad_spike;
  arguments.grad_x = call.grad_x;
  return arguments;
}

// How a backward call uses the device: threads of a block, the memory of a block, and the memory beside it where that is too small.
struct BackwardPlan {
  unsigned threads;
  size_t blocks, block_bytes, kept_bytes;
};

BackwardPlan backward_plan(const NeuronFacts& facts, size_t elements, size_t kept_steps) {
  const size_t thread_bytes = facts.fixed_bytes + kept_steps * facts.step_bytes;
  // Two blocks at least share a multiprocessor, so that one reads while the other computes.
  for (unsigned threads = backward_threads; threads >= fewest_threads; threads /= 2) {
    const size_t bytes = threads * thread_bytes;
    if (bytes <= most_block_bytes() / 2 || (threads == fewest_threads && bytes <= most_block_bytes())) {
      return {threads, blocks_for(elements, threads, facts.width), bytes, 0};
    }
  }
  const size_t blocks = blocks_for(elements, backward_threads, facts.width);
  return {backward_threads, blocks, backward_threads * facts.fixed_bytes, blocks * backward_threads * kept_steps * facts.step_bytes};
}

}  // namespace

void neuron_forward(const NeuronForwardCall& call) {
  const NeuronEntry& neuron = find_neuron(call.variant);
  expect_forward(call, neuron.facts);
  if (call.elements == 0) return;
  neuron.forward(neuron, forward_arguments(call, neuron.facts.width), blocks_for(call.elements, forward_threads, neuron.facts.width));
}

void neuron_backward(const NeuronBackwardCall& call) {
  const NeuronEntry& neuron = find_neuron(call.variant);
  const NeuronFacts& facts = neuron.facts;
  if (!facts.has_backward) refuse_neuron_call("a variant with a backward pass", call.variant.c_str());
  expect_backward(call, facts);
  if (facts.learned > 0) refuse_in_capture("gradients of a neuron's parameters");
  for (double& gradient : call.grad_params) gradient = 0.0;
  if (call.elements == 0) return;
  BackwardArguments arguments = backward_arguments(call, facts.width);
  arguments.surrogate = surrogate_place(call.surrogate, call.surrogate_params, arguments.surrogate_numbers);
  arguments.recompute = has_to_recompute(call, facts);
  arguments.window = steps_ahead;
  const BackwardPlan plan = backward_plan(facts, call.elements, arguments.recompute ? call.steps : arguments.window + 1);
  const Scratch kept(plan.kept_bytes);
  if (plan.kept_bytes > 0) arguments.kept = kept.as<void>();
  const Scratch partials(plan.blocks * static_cast<size_t>(facts.learned) * sizeof(double));
  arguments.partials = partials.as<double>();
  neuron.backward(neuron, arguments, plan.blocks, plan.threads, plan.block_bytes);
  if (facts.learned == 0) return;
  double sums[most_parameters];
  neuron_sums(arguments.partials, plan.blocks, static_cast<size_t>(facts.learned), sums);
  for (int k = 0; k < facts.learned; k++) call.grad_params[static_cast<size_t>(facts.learned_index[k])] = sums[k];
}

}  // namespace spikeship::device
