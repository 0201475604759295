// What lies between a neuron and memory, for the CPU and for device libraries. Numbers at the edge are float32; grid neurons count in steps of
// 1 / scale inside, and the half reading rounds. Included inside the including file's own namespace, after neuron_scan_words.h.

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
