// The compiled variants of the neurons. They are spread over several files (neuron_part_*.cu), which compile side by side.
#pragma once

#include <string>

#include "neuron_arguments.h"

namespace spikeship::device {

// What the host must know of a variant to call it.
struct NeuronFacts {
  int parameters, states, stored;
  // Elements of one thread.
  int width;
  bool fires;
  // Backward: it exists; the derivative reads the input; which stored values it reads; which parameters it sums gradients for.
  bool has_backward, reads_x;
  int reads_stored, learned;
  const int* learned_index;
  // Bytes of a block's memory for each thread: always, and for each step that is kept.
  size_t fixed_bytes, step_bytes;
};

struct NeuronEntry {
  const char* name;
  NeuronFacts facts;
  void (*forward)(const NeuronEntry& neuron, const ForwardArguments& arguments, size_t blocks);
  void (*backward)(const NeuronEntry& neuron, const BackwardArguments& arguments, size_t blocks, unsigned threads, size_t bytes);
};

// The entries of one part; `forward` is null for those that another part has.
struct NeuronPart {
  const NeuronEntry* entries;
  size_t count;
};

inline constexpr int neuron_parts = 6;
template <int part>
NeuronPart neuron_part();

// A neuron that a user defined and that was compiled for the device of this thread's calls; null: there is none of that name.
const NeuronEntry* user_neuron(const std::string& name);

}  // namespace spikeship::device
