// The loops of the backward scan over one row of one step. Included by neuron_scan.cc.

// A surrogate's derivative over one row.
using SurrogateRow = void (*)(const double* parameters, const float* argument, float* slope, size_t n);

template <class Surrogate>
void surrogate_row(const double* parameters, const float* argument, float* slope, size_t n) {
  const Surrogate surrogate(parameters);
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) slope[i] = surrogate(argument[i]);
}

// Parameter gradients are summed in double precision over eight lanes: the same order on every instruction set.
constexpr size_t sum_lanes = 8;

// A stored value of element i, or 0 where the derivative does not read it.
template <class Neuron, class Register = typename Neuron::Register>
NEURON_WORD Register stored_at(const Register* const (&stored)[Neuron::stored], int k, size_t i) {
  return has_bit(Neuron::reads_stored, k) ? stored[k][i] : Register{};
}

template <class Neuron>
struct BackwardRows {
  using Register = typename Neuron::Register;
  static constexpr int learned = Neuron::learned;
  Register before[Neuron::states][block_size];
  Register stored[Neuron::stored][block_size];
  float carry[Neuron::states][block_size];
  float given[Neuron::stored][block_size];
  float slope[piece_size];
  float g_x[piece_size];
  float contribution[learned > 0 ? learned : 1][block_size];
  float zero[block_size];
  float x[block_size];
  double sums[learned > 0 ? learned : 1][sum_lanes];
};

// What one step backward reads besides the rows it works on. Absent inputs point to zeros; stored values that the
// derivative does not read are null.
template <class Neuron>
struct StepRows {
  const float* x;
  const float* g_spike;
  const float* g_charged[Neuron::stored];
  const typename Neuron::Register* stored[Neuron::stored];
  float* g_x;
};

// Elements `first` to `first + n`; `argument` begins with the first of them.
template <class Neuron>
void argument_row(const Neuron neuron, const StepRows<Neuron> step, float* argument, size_t first, size_t n) {
  using Register = typename Neuron::Register;
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) {
    Register charged[Neuron::stored];
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::stored; k++) charged[k] = stored_at<Neuron>(step.stored, k, first + i);
    neuron.argument(charged, argument[i]);
  }
}

template <class Neuron>
void backward_row(const Neuron neuron, const StepRows<Neuron> step, BackwardRows<Neuron>& rows, size_t first, size_t n) {
  using Register = typename Neuron::Register;
  constexpr int learned = Neuron::learned > 0 ? Neuron::learned : 1;
  SPIKESHIP_ROW_LOOP
  for (size_t i = first; i < first + n; i++) {
    Register state[Neuron::states], charged[Neuron::stored];
    float g_next[Neuron::states], g_charged[Neuron::stored], g_state[Neuron::states], g_parameter[learned];
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::states; k++) {
      state[k] = has_bit(Neuron::reads_states, k) ? rows.before[k][i] : Register{};
      g_next[k] = rows.carry[k][i];
    }
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::stored; k++) {
      charged[k] = stored_at<Neuron>(step.stored, k, i);
      g_charged[k] = step.g_charged[k][i];
    }
    neuron.step(step.x[i], state, charged, rows.slope[i - first], step.g_spike[i], g_next, g_charged, step.g_x[i - first], g_state,
                g_parameter);
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::states; k++) rows.carry[k][i] = g_state[k];
#pragma GCC unroll 4
    for (int k = 0; k < Neuron::learned; k++) rows.contribution[k][i] = g_parameter[k];
  }
}

template <class Neuron>
void sum_contributions(BackwardRows<Neuron>& rows, size_t n) {
  for (int k = 0; k < Neuron::learned; k++) {
    double* sums = rows.sums[k];
    const float* values = rows.contribution[k];
    size_t i = 0;
    for (; i + sum_lanes <= n; i += sum_lanes) {
#pragma GCC unroll 8
      for (size_t lane = 0; lane < sum_lanes; lane++) sums[lane] += static_cast<double>(values[i + lane]);
    }
    for (size_t lane = 0; i < n; i++, lane++) sums[lane] += static_cast<double>(values[i]);
  }
}

inline void add_scaled_row(const float* from, float scale, float* to, size_t n) {
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) to[i] += from[i] * scale;
}

inline void scale_row(const float* from, float scale, float* to, size_t n) {
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) to[i] = from[i] * scale;
}

inline void clear_row(float* to, size_t n) {
  for (size_t i = 0; i < n; i++) to[i] = 0.0f;
}
