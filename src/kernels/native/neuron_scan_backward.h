// The backward scan: steps run backward over one block after another, recomputing spikes and states from the stored
// values. Where those were not kept they are first computed again from the input, into a scratch that stays in the cache:
// one array less to write and to read. Included by neuron_scan.cc.

// Bytes of recomputed values of one block: they and the rows around them lie in a second-level cache.
constexpr size_t recomputed_bytes = size_t{256} << 10;

// Elements of a block of the backward scan. It depends on the call's sizes only, as does the order of all sums.
template <class Neuron>
size_t backward_block_size(size_t steps, bool recomputes) {
  if (!recomputes) return block_size;
  const size_t row = steps * Neuron::stored * sizeof(typename Neuron::Register);
  const size_t fitting = recomputed_bytes / row / piece_size * piece_size;
  return fitting < piece_size ? piece_size : fitting > block_size ? block_size : fitting;
}

template <class Forward, class Neuron>
class BackwardBlock {
 public:
  // `recomputed`: null where the stored values were kept, else room for those of one block.
  BackwardBlock(const NeuronBackwardCall& call, const InputRows& input, const Neuron& neuron, SurrogateRow surrogate, Block block,
                bool stream, typename Neuron::Register* recomputed)
      : call_(call), input_(input), neuron_(neuron), surrogate_(surrogate), block_(block), stream_(stream), recomputed_(recomputed) {}

  // Runs all steps; writes the block's sums of parameter gradients to `partial`.
  void run(double* partial) {
    const size_t n = block_.size;
    clear_row(rows_.zero, block_size);
    for (auto& lanes : rows_.sums) {
      for (double& sum : lanes) sum = 0.0;
    }
    for (int k = 0; k < Neuron::states; k++) {
      const float* last = call_.grad_final_states[k];
      if (last) scale_row(last + block_.first, inward(neuron_), rows_.carry[k], n);
      else clear_row(rows_.carry[k], n);
    }
    if (recomputed_) recompute();
    for (size_t t = call_.steps; t-- > 0;) step(t);
    for (int k = 0; k < Neuron::states; k++) {
      float* first = call_.grad_initial_states[k];
      if (first) scale_row(rows_.carry[k], outward(neuron_), first + block_.first, n);
    }
    for (int k = 0; k < Neuron::learned; k++) {
      partial[k] = 0.0;
      for (const double sum : rows_.sums[k]) partial[k] += sum;
    }
  }

 private:
  using Register = typename Neuron::Register;

  const float* row_or_zero(const float* base, size_t offset) const { return base ? base + offset : rows_.zero; }

  Register* recomputed_row(int k, size_t t) const { return recomputed_ + (t * Neuron::stored + static_cast<size_t>(k)) * block_.size; }

  // The forward pass again, for its stored values alone. The rows of `before` hold the states.
  void recompute() {
    const Forward neuron(call_.params.data());
    for (int k = 0; k < Neuron::states; k++) {
      initial_row(neuron_, call_.initial_states[k], call_.initial_values[k], block_, rows_.before[k]);
    }
    for (size_t t = 0; t < call_.steps; t++) {
      const float* x = input_row(call_, t, block_);
      for (size_t first = 0; first < block_.size; first += piece_size) {
        Register* stored[Neuron::stored];
        for (int k = 0; k < Neuron::stored; k++) stored[k] = recomputed_row(k, t) + first;
        float spike[piece_size];  // known already
        const size_t n = piece_of(block_.size, first);
        forward_row(neuron, input_.piece(x + first, block_.first + first, rows_.x, n), rows_.before, spike, stored, first, n);
      }
    }
  }

  // The stored value k of step t: in place for reals, converted into `into` for grid neurons.
  const Register* stored_row(int k, size_t t, Register* into) const {
    if (recomputed_) return recomputed_row(k, t);
    const float* from = call_.saved[k] + t * call_.elements + block_.first;
    if constexpr (Neuron::is_grid) {
      load_row(neuron_, from, into, block_.size);
      return into;
    } else {
      return from;
    }
  }

  // States before step t: what followed from the stored values of step t - 1, or the initial states.
  void find_states_before(size_t t) {
    if (t == 0) {
      for (int k = 0; k < Neuron::states; k++) {
        if (!has_bit(Neuron::reads_states, k)) continue;
        initial_row(neuron_, call_.initial_states[k], call_.initial_values[k], block_, rows_.before[k]);
      }
      return;
    }
    const Register* stored[Neuron::stored];
    for (int k = 0; k < Neuron::stored; k++) {
      stored[k] = has_bit(Neuron::reads_stored, k) ? stored_row(k, t - 1, rows_.stored[k]) : nullptr;
    }
    restore_row(stored);
  }

  void restore_row(const Register* const (&stored)[Neuron::stored]) {
    const Neuron neuron = neuron_;
    SPIKESHIP_ROW_LOOP
    for (size_t i = 0; i < block_.size; i++) {
      Register charged[Neuron::stored], state[Neuron::states] = {};
#pragma GCC unroll 4
      for (int k = 0; k < Neuron::stored; k++) charged[k] = stored_at<Neuron>(stored, k, i);
      neuron.restore(charged, state);
#pragma GCC unroll 4
      for (int k = 0; k < Neuron::states; k++) rows_.before[k][i] = state[k];
    }
  }

  void step(size_t t) {
    const size_t n = block_.size, offset = t * call_.elements + block_.first;
    if constexpr (Neuron::reads_states != 0) find_states_before(t);
    StepRows<Neuron> rows;
    rows.x = !Neuron::reads_x ? rows_.zero : input_.in_place() ? input_row(call_, t, block_) : rows_.x;
    rows.g_spike = row_or_zero(call_.grad_spike, offset);
    for (int k = 0; k < Neuron::stored; k++) {
      rows.stored[k] = has_bit(Neuron::reads_stored, k) ? stored_row(k, t, rows_.stored[k]) : nullptr;
      rows.g_charged[k] = row_or_zero(call_.grad_saved[k], offset);
      if (Neuron::is_grid && call_.grad_saved[k]) {
        scale_row(rows.g_charged[k], inward(neuron_), rows_.given[k], n);
        rows.g_charged[k] = rows_.given[k];
      }
    }
    for (int k = 0; k < Neuron::states; k++) {
      const float* given = call_.grad_state_seqs[k];
      if (given) add_scaled_row(given + offset, inward(neuron_), rows_.carry[k], n);
    }
    for (size_t first = 0; first < n; first += piece_size) {
      prefetch(t, first + pieces_ahead * piece_size);
      piece(t, rows, first, piece_of(n, first));
    }
    sum_contributions(rows_, n);
  }

  // Two streams in rows that go backward in memory: what the processor fetches ahead by itself comes late at the start of each row.
  void prefetch(size_t t, size_t first) const {
    if (first >= block_.size) {
      if (t == 0) return;
      t--;
      first -= block_.size;
      if (first >= block_.size) return;
    }
    const size_t at = t * call_.elements + block_.first + first, n = piece_of(block_.size, first);
    if (call_.grad_spike) prefetch_row(call_.grad_spike + at, n);
    for (int k = 0; k < Neuron::stored; k++) {
      if (has_bit(Neuron::reads_stored, k) && !recomputed_) prefetch_row(call_.saved[k] + at, n);
    }
  }

  // The elements `first` to `first + n` of the block in step t.
  void piece(size_t t, StepRows<Neuron>& rows, size_t first, size_t n) {
    // The sum over steps of a repeated input's gradient begins with the last step, in place.
    const bool adds = call_.repeated_input && t + 1 < call_.steps;
    const size_t at = (call_.repeated_input ? 0 : t * call_.elements) + block_.first + first;
    const RowTarget g_x(adds ? nullptr : call_.grad_x, at, stream_ && !call_.repeated_input);
    rows.g_x = g_x.writable(rows_.g_x);
    if constexpr (Neuron::reads_x) input_.piece(input_row(call_, t, block_) + first, block_.first + first, rows_.x + first, n);
    if constexpr (Neuron::fires) {
      argument_row(neuron_, rows, rows_.slope, first, n);
      surrogate_(call_.surrogate_params.data(), rows_.slope, rows_.slope, n);
    }
    backward_row(neuron_, rows, rows_, first, n);
    g_x.finish(rows_.g_x, n);
    if (adds && call_.grad_x) add_scaled_row(rows_.g_x, 1.0f, call_.grad_x + at, n);
  }

  const NeuronBackwardCall& call_;
  const InputRows& input_;
  const Neuron neuron_;
  const SurrogateRow surrogate_;
  const Block block_;
  const bool stream_;
  Register* const recomputed_;
  alignas(64) BackwardRows<Neuron> rows_;
};

// Whether the values that the derivative reads have to be computed again.
template <class Neuron>
bool has_to_recompute(const NeuronBackwardCall& call) {
  bool absent = false;
  for (int k = 0; k < Neuron::stored; k++) absent = absent || (has_bit(Neuron::reads_stored, k) && !call.saved[k]);
  return absent;
}

template <class Neuron>
void expect_backward(const NeuronBackwardCall& call) {
  expect_neuron_count("parameters", Neuron::parameters, call.params.size());
  expect_neuron_count("parameter gradients", Neuron::parameters, call.grad_params.size());
  expect_neuron_count("initial states", Neuron::states, call.initial_states.size());
  expect_neuron_count("initial values", Neuron::states, call.initial_values.size());
  expect_neuron_count("saved values", Neuron::stored, call.saved.size());
  expect_neuron_count("gradients of state sequences", Neuron::states, call.grad_state_seqs.size());
  expect_neuron_count("gradients of saved values", Neuron::stored, call.grad_saved.size());
  expect_neuron_count("gradients of final states", Neuron::states, call.grad_final_states.size());
  expect_neuron_count("gradients of initial states", Neuron::states, call.grad_initial_states.size());
  if (!call.x && (Neuron::reads_x || has_to_recompute<Neuron>(call))) {
    refuse_neuron_call("every buffer that the variant's derivative reads, or the input to compute it again", "an absent one");
  }
}

template <class Forward, class Neuron>
void backward_scan(const NeuronBackwardCall& call, SurrogateRow surrogate) {
  expect_backward<Neuron>(call);
  if (Neuron::fires && !surrogate) refuse_neuron_call("a surrogate function", "none");
  const Neuron neuron(call.params.data());
  const InputRows input(call.normalised);
  const bool stream = call.steps * call.elements * sizeof(float) >= stream_from_bytes;
  constexpr size_t learned = Neuron::learned;
  using Register = typename Neuron::Register;
  const bool recomputes = has_to_recompute<Neuron>(call);
  const size_t size = backward_block_size<Neuron>(call.steps, recomputes);
  const size_t blocks = block_count(call.elements, size);
  double* partials = learned > 0 ? new double[blocks * learned] : nullptr;
  for_each_block(call.elements, call.steps, size, [&](Block block, size_t index) {
    Register* recomputed = recomputes ? new Register[call.steps * Neuron::stored * block.size] : nullptr;
    BackwardBlock<Forward, Neuron>(call, input, neuron, surrogate, block, stream, recomputed).run(partials + index * learned);
    delete[] recomputed;
    if (stream) finish_streams();
  });
  double* totals = call.grad_params.data();
  for (int k = 0; k < Neuron::parameters; k++) totals[k] = 0.0;
  for (size_t b = 0; b < blocks; b++) {
    for (size_t k = 0; k < learned; k++) totals[Neuron::learned_index[k]] += partials[b * learned + k];
  }
  delete[] partials;
}
