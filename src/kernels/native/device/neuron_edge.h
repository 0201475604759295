// Numbers at the edge are float32; grid neurons count in steps of 1 / scale inside, and the half reading rounds. The words of the
// generated neurons are included here, into the namespace of the including file.

template <class Neuron>
constexpr int scan_width = Neuron::is_grid ? 2 : 4;

template <class Neuron>
NEURON_WORD typename Neuron::Register from_edge(const Neuron& neuron, float value) {
  if constexpr (Neuron::is_grid) return nearest(static_cast<double>(value) * static_cast<double>(neuron.gridScale));
  else if constexpr (Neuron::is_half) return half(value);
  else return value;
}

template <class Neuron>
NEURON_WORD float to_edge(const Neuron& neuron, typename Neuron::Register value) {
  if constexpr (Neuron::is_grid) return from_grid(value, neuron.gridScale);
  else return value;
}

// Gradients arrive per unit at the edge; inside they are per grid step.
template <class Neuron>
NEURON_WORD float inward(const Neuron& neuron) {
  if constexpr (Neuron::is_grid) return 1.0f / neuron.gridScale;
  else return 1.0f;
}

template <class Neuron>
NEURON_WORD float outward(const Neuron& neuron) {
  if constexpr (Neuron::is_grid) return neuron.gridScale;
  else return 1.0f;
}

constexpr bool has_bit(int mask, int bit) { return (mask >> bit & 1) != 0; }

// The states of a thread's elements before step 0.
template <class Neuron, int width>
NEURON_WORD void initial_states(const Neuron& neuron, const float* const (&arrays)[most_states], const double (&values)[most_states],
                                const Lane<width>& lane, typename Neuron::Register (&state)[width][Neuron::states]) {
  SPIKESHIP_UNROLL
  for (int k = 0; k < Neuron::states; k++) {
    float given[width];
    read_states(arrays[k], lane, given);
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) {
      state[j][k] = from_edge(neuron, arrays[k] ? given[j] : static_cast<float>(values[k]));
    }
  }
}
