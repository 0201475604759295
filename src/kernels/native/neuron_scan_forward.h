// The forward scan: steps run over one block after another. Included by neuron_scan.cc.

// States of a block, and results of a piece on their way to memory.
template <class Neuron>
struct ForwardRows {
  typename Neuron::Register state[Neuron::states][block_size];
  typename Neuron::Register stored[Neuron::stored][piece_size];
  float spike[piece_size];
  float x[piece_size];
};

// One step of the elements `first` to `first + n` of a block; x, spike and stored begin with the first of them.
template <class Neuron>
void forward_row(const Neuron neuron, const float* x, typename Neuron::Register (&states)[Neuron::states][block_size], float* spike,
                 typename Neuron::Register* const (&stored)[Neuron::stored], size_t first, size_t n) {
  using Register = typename Neuron::Register;
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) {
    Register state[Neuron::states], next[Neuron::states], charged[Neuron::stored];
    float fired;
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::states; k++) state[k] = states[k][first + i];
    neuron.step(x[i], state, next, charged, fired);
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::states; k++) states[k][first + i] = next[k];
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::stored; k++) stored[k][i] = charged[k];
    spike[i] = fired;
  }
}

// One value's row of one step on its way to memory: written in place, or in scratch and streamed from there.
struct RowTarget {
  float* to;
  bool streamed;

  RowTarget(float* base, size_t offset, bool stream)
      : to(base ? base + offset : nullptr), streamed(stream && is_aligned(to)) {}
  float* writable(float* scratch) const { return to && !streamed ? to : scratch; }
  void finish(const float* scratch, size_t n) const {
    if (to && streamed) stream_row(to, scratch, n);
  }
};

// One step of a piece: `at` is its place in a sequence, `first` in the block.
template <class Neuron>
void forward_piece(const NeuronForwardCall& call, const Neuron& neuron, ForwardRows<Neuron>& rows, const float* x, size_t at,
                   size_t first, size_t n, bool stream) {
  using Register = typename Neuron::Register;
  const RowTarget spike(call.spike, at, stream);
  Register* stored[Neuron::stored];
  for (int k = 0; k < Neuron::stored; k++) {
    stored[k] = rows.stored[k];
    if constexpr (!Neuron::is_grid) stored[k] = RowTarget(call.saved[k], at, stream).writable(rows.stored[k]);
  }
  forward_row(neuron, x, rows.state, spike.writable(rows.spike), stored, first, n);
  spike.finish(rows.spike, n);
  for (int k = 0; k < Neuron::stored; k++) {
    if constexpr (Neuron::is_grid) {
      if (call.saved[k]) store_row(neuron, rows.stored[k], call.saved[k] + at, n);
    } else {
      RowTarget(call.saved[k], at, stream).finish(rows.stored[k], n);
    }
  }
}

template <class Neuron>
void forward_block(const NeuronForwardCall& call, const InputRows& input, const Neuron& neuron, Block block, bool stream) {
  alignas(64) ForwardRows<Neuron> rows;
  for (int k = 0; k < Neuron::states; k++) {
    initial_row(neuron, call.initial_states[k], call.initial_values[k], block, rows.state[k]);
  }
  for (size_t t = 0; t < call.steps; t++) {
    const size_t offset = t * call.elements + block.first;
    const float* x = input_row(call, t, block);
    for (size_t first = 0; first < block.size; first += piece_size) {
      const size_t n = piece_of(block.size, first);
      forward_piece(call, neuron, rows, input.piece(x + first, block.first + first, rows.x, n), offset + first, first, n, stream);
    }
    for (int k = 0; k < Neuron::states; k++) {
      if (call.state_seqs[k]) store_row(neuron, rows.state[k], call.state_seqs[k] + offset, block.size);
    }
  }
  for (int k = 0; k < Neuron::states; k++) {
    if (call.final_states[k]) store_row(neuron, rows.state[k], call.final_states[k] + block.first, block.size);
  }
}

template <class Neuron>
void forward_scan(const NeuronForwardCall& call) {
  expect_neuron_count("parameters", Neuron::parameters, call.params.size());
  expect_neuron_count("initial states", Neuron::states, call.initial_states.size());
  expect_neuron_count("initial values", Neuron::states, call.initial_values.size());
  expect_neuron_count("final states", Neuron::states, call.final_states.size());
  expect_neuron_count("saved values", Neuron::stored, call.saved.size());
  expect_neuron_count("state sequences", Neuron::states, call.state_seqs.size());
  const Neuron neuron(call.params.data());
  const InputRows input(call.normalised);
  const bool stream = call.steps * call.elements * sizeof(float) >= stream_from_bytes;
  for_each_block(call.elements, call.steps, block_size, [&](Block block, size_t) {
    forward_block(call, input, neuron, block, stream);
    if (stream) finish_streams();
  });
}
