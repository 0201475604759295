// The forward scan of one thread: states stay in registers while all steps run. It holds no equation: the step comes from the generated
// neuron. Included into the namespace of the including file, after neuron_edge.h.

template <class Neuron>
struct ForwardScan {
  using Register = typename Neuron::Register;
  static constexpr int width = scan_width<Neuron>;
  ForwardArguments call;

  DEVICE_CODE void operator()(const NeuronBlock& block) const {
    block.each([&](unsigned thread) { run(Lane<width>(call.shape, block, thread)); });
  }

  DEVICE_CODE void run(const Lane<width> lane) const {
    const ScanShape& shape = call.shape;
    const Neuron neuron(call.params);
    Register state[width][Neuron::states];
    initial_states(neuron, call.initial_states, call.initial_values, lane, state);
    const Normaliser<width> normalise(call.normalised, lane);
    SPIKESHIP_ROLLED
    for (size_t first = 0; first < shape.steps; first += steps_ahead) {
      const size_t count = shape.steps - first < steps_ahead ? shape.steps - first : steps_ahead;
      RowsAhead<width> rows;
      read_ahead(shape, call.x, shape.repeated_input ? 0 : first, shape.repeated_input ? 0 : 1, count, lane, rows);
      float x[steps_ahead][width];
      widen(shape, lane, rows, x);
      normalise(x);
      SPIKESHIP_UNROLL
      for (unsigned c = 0; c < steps_ahead; c++) {
        if (c < count) step(neuron, lane, first + c, x[c], state);
      }
    }
    SPIKESHIP_UNROLL
    for (int k = 0; k < Neuron::states; k++) {
      if (!call.final_states[k]) continue;
      float last[width];
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) last[j] = to_edge(neuron, state[j][k]);
      write_as<float>(call.final_states[k], 0, lane, last);
    }
  }

  DEVICE_CODE void step(const Neuron& neuron, const Lane<width>& lane, size_t t, const float (&x)[width],
                        Register (&state)[width][Neuron::states]) const {
    float spike[width], stored[Neuron::stored][width];
    unsigned fired = 0;
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) {
      Register next[Neuron::states], charged[Neuron::stored];
      neuron.step(x[j], state[j], next, charged, spike[j]);
      fired |= (spike[j] != 0.0f ? 1u : 0u) << j;
      SPIKESHIP_UNROLL
      for (int k = 0; k < Neuron::states; k++) state[j][k] = next[k];
      SPIKESHIP_UNROLL
      for (int k = 0; k < Neuron::stored; k++) stored[k][j] = to_edge(neuron, charged[k]);
    }
    if (call.spike) write_row(call.shape, call.spike, t, lane, spike);
    if (call.spike_bits) write_bits(call.shape, call.spike_bits, t, lane, fired);
    SPIKESHIP_UNROLL
    for (int k = 0; k < Neuron::stored; k++) {
      if (call.saved[k]) write_row(call.shape, call.saved[k], t, lane, stored[k]);
    }
    SPIKESHIP_UNROLL
    for (int k = 0; k < Neuron::states; k++) {
      if (!call.state_seqs[k]) continue;
      float values[width];
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) values[j] = to_edge(neuron, state[j][k]);
      write_row(call.shape, call.state_seqs[k], t, lane, values);
    }
  }
};
