// The elements of a thread between a neuron and memory. Included into the namespace of the including file, after neuron_edge_words.h.

template <class Neuron>
constexpr int scan_width = Neuron::is_grid ? 2 : 4;

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
