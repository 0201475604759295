// A neuron scan as its kernels get it: plain numbers and device pointers, the same for every variant.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../activation_type.h"

namespace spikeship::device {

// Of any variant, those that users define included.
inline constexpr int most_states = 4, most_stored = 4, most_parameters = 16;
// Numbers of a surrogate function as its struct holds them.
inline constexpr int most_surrogate_numbers = 4;

// Steps that are read ahead of the arithmetic.
inline constexpr unsigned steps_ahead = 4;
inline constexpr unsigned forward_threads = 256, backward_threads = 128, fewest_threads = 64;

struct ScanShape {
  size_t steps, elements;
  bool repeated_input;
  // Every array may be read and written in groups of neighbours; otherwise one by one.
  bool wide;
  ActivationType type;
};

// What x is normalised with on its way to the neuron, `[channels]` each; null where it is taken as it is.
struct InputTerms {
  const float *scale, *offset;
  size_t channels;
  // They may be read in groups where x is.
  bool wide;
};

// Sequences are of the shape's type, states are float32.
struct ForwardArguments {
  ScanShape shape;
  InputTerms normalised;
  double params[most_parameters];
  double initial_values[most_states];
  const float* initial_states[most_states];
  float* final_states[most_states];
  const void* x;
  void* spike;
  void* saved[most_stored];
  void* state_seqs[most_states];
  // One bit for each spike, 32 neighbours to a word: `[steps, ceil(elements / 32)]`.
  uint32_t* spike_bits;
};

struct BackwardArguments {
  ScanShape shape;
  InputTerms normalised;
  double params[most_parameters];
  double initial_values[most_states];
  const float* initial_states[most_states];
  const void* x;
  const void* saved[most_stored];
  const void* grad_spike;
  const void* grad_state_seqs[most_states];
  const void* grad_saved[most_stored];
  const float* grad_final_states[most_states];
  // Losses give states or stored values gradients directly.
  bool given;
  void* grad_x;
  float* grad_initial_states[most_states];
  int surrogate;
  float surrogate_numbers[most_surrogate_numbers];
  // The stored values are computed again from x; otherwise `window` steps of them are read at a time.
  bool recompute;
  size_t window;
  // Where what the steps keep for backward lies when a block's own memory is too small for it.
  void* kept;
  // `[blocks, learned]`
  double* partials;
};

// What a program that was compiled at run time tells of its neuron.
struct ProgramFacts {
  int parameters, states, stored, width, fires, reads_x, reads_stored, learned, fixed_bytes, step_bytes;
  int learned_index[most_parameters];
};

}  // namespace spikeship::device
