// The backward scan of one thread. What forward stored is read back a few steps at a time, or, where it was not kept, computed again from
// the input and kept for all steps: in the block's own memory, so that the device's memory sees the input, the gradient that comes in and
// the gradient that goes out once each, and nothing else. Included into the namespace of the including file, after neuron_forward.h.

constexpr int bits_in(int mask) { return mask == 0 ? 0 : (mask & 1) + bits_in(mask >> 1); }

template <class Forward, class Neuron>
struct BackwardScan {
  using Register = typename Neuron::Register;
  static constexpr int width = scan_width<Neuron>;
  static constexpr int states = Neuron::states, stored = Neuron::stored, learned = Neuron::learned;
  // What is kept of a step: the stored values that the derivative reads, and x where it does.
  static constexpr int kept_stored = bits_in(Neuron::reads_stored);
  static constexpr int slots = kept_stored + (Neuron::reads_x ? 1 : 0);
  using KeptGroup = Group<Register, width>;
  using AheadGroup = Group<float, width>;
  static constexpr int slot_of(int k) { return bits_in(Neuron::reads_stored & ((1 << k) - 1)); }

  BackwardArguments call;

  // Sums over parameters: within a block by halves, over blocks by the caller; always in the same order.
  DEVICE_CODE void operator()(const NeuronBlock& block) const {
    double* sums = reinterpret_cast<double*>(block.memory);
    block.each([&](unsigned thread) {
      double own[learned > 0 ? learned : 1] = {};
      Thread(*this, block, thread).run(own);
      SPIKESHIP_UNROLL
      for (int k = 0; k < learned; k++) sums[static_cast<unsigned>(k) * block.threads + thread] = own[k];
    });
    if constexpr (learned > 0) {
      for (unsigned half = block.threads / 2; half > 0; half /= 2) {
        block.each([&](unsigned thread) {
          if (thread >= half) return;
          for (unsigned k = 0; k < learned; k++) sums[k * block.threads + thread] += sums[k * block.threads + thread + half];
        });
      }
      block.each([&](unsigned thread) {
        if (thread < learned) call.partials[static_cast<size_t>(block.index) * learned + thread] = sums[thread * block.threads];
      });
    }
  }

  // Bytes of a block's memory besides what the steps keep, and those of one kept step of all its threads.
  static constexpr size_t fixed_bytes(unsigned threads) {
    return threads * (learned * sizeof(double) + steps_ahead * sizeof(AheadGroup));
  }
  static constexpr size_t step_bytes(unsigned threads) { return threads * slots * sizeof(KeptGroup); }

  class Thread {
   public:
    DEVICE_CODE Thread(const BackwardScan& scan, const NeuronBlock& block, unsigned thread)
        : call_(scan.call), shape_(scan.call.shape), neuron_(scan.call.params), lane_(scan.call.shape, block, thread) {
      ahead_ = reinterpret_cast<AheadGroup*>(block.memory + block.threads * learned * sizeof(double)) + thread;
      threads_ = block.threads;
      if (call_.kept) {
        kept_ = static_cast<KeptGroup*>(call_.kept) + static_cast<size_t>(block.index) * block.threads + thread;
        const size_t tile = static_cast<size_t>(block.threads) * width;
        lanes_ = (shape_.elements + tile - 1) / tile * block.threads;
      } else {
        kept_ = reinterpret_cast<KeptGroup*>(block.memory + fixed_bytes(block.threads)) + thread;
        lanes_ = block.threads;
      }
    }

    DEVICE_CODE void run(double (&sums)[learned > 0 ? learned : 1]) {
      if (lane_.valid == 0) return;
      SPIKESHIP_UNROLL
      for (int k = 0; k < states; k++) {
        float last[width];
        read_states(call_.grad_final_states[k], lane_, last);
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) carry_[j][k] = call_.grad_final_states[k] ? last[j] * inward(neuron_) : 0.0f;
      }
      SPIKESHIP_ROLLED
      for (size_t end = shape_.steps; end > 0;) {
        const size_t begin = call_.recompute || end <= call_.window ? 0 : end - call_.window;
        // The states before a window's first step follow from the step before it.
        first_kept_ = Neuron::reads_states != 0 && begin > 0 ? begin - 1 : begin;
        if constexpr (slots > 0) {
          if (call_.recompute) recompute();
          else read_stored(end);
        }
        back(begin, end, sums);
        end = begin;
      }
      if (shape_.repeated_input && call_.grad_x) write_row(shape_, call_.grad_x, 0, lane_, total_);
      SPIKESHIP_UNROLL
      for (int k = 0; k < states; k++) {
        if (!call_.grad_initial_states[k]) continue;
        float first[width];
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) first[j] = carry_[j][k] * outward(neuron_);
        write_as<float>(call_.grad_initial_states[k], 0, lane_, first);
      }
    }

   private:
    DEVICE_CODE KeptGroup& kept(size_t t, int slot) { return kept_[((t - first_kept_) * slots + static_cast<size_t>(slot)) * lanes_]; }

    // Rows that were read pass through the block's memory: there they can be taken one by one while the next are on their way.
    DEVICE_CODE void put(const float (&rows)[steps_ahead][width]) {
      SPIKESHIP_UNROLL
      for (unsigned c = 0; c < steps_ahead; c++) {
        AheadGroup group;
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) group.at[j] = rows[c][j];
        ahead_[c * threads_] = group;
      }
    }

    DEVICE_CODE void read_inputs(size_t first, RowsAhead<width>& rows) const {
      const bool once = shape_.repeated_input;
      read_ahead(shape_, call_.x, once ? 0 : first, once ? 0 : 1, shape_.steps - first, lane_, rows);
    }

    // The forward pass again, for what it would have stored.
    DEVICE_CODE void recompute() {
      const Forward forward(call_.params);
      Register state[width][states];
      initial_states(neuron_, call_.initial_states, call_.initial_values, lane_, state);
      const Normaliser<width> normalise(call_.normalised, lane_);
      RowsAhead<width> rows;
      read_inputs(0, rows);
      SPIKESHIP_ROLLED
      for (size_t first = 0; first < shape_.steps; first += steps_ahead) {
        float inputs[steps_ahead][width];
        widen(shape_, lane_, rows, inputs);
        normalise(inputs);
        put(inputs);
        if (first + steps_ahead < shape_.steps) read_inputs(first + steps_ahead, rows);
        SPIKESHIP_ROLLED
        for (unsigned c = 0; c < steps_ahead && first + c < shape_.steps; c++) {
          const AheadGroup x = ahead_[c * threads_];
          KeptGroup groups[stored];
          SPIKESHIP_UNROLL
          for (int j = 0; j < width; j++) {
            Register next[states], charged[stored];
            float spike;
            forward.step(x.at[j], state[j], next, charged, spike);
            SPIKESHIP_UNROLL
            for (int k = 0; k < states; k++) state[j][k] = next[k];
            SPIKESHIP_UNROLL
            for (int k = 0; k < stored; k++) groups[k].at[j] = charged[k];
          }
          SPIKESHIP_UNROLL
          for (int k = 0; k < stored; k++) {
            if (has_bit(Neuron::reads_stored, k)) kept(first + c, slot_of(k)) = groups[k];
          }
          keep_input(first + c, x);
        }
      }
    }

    DEVICE_CODE void keep_input(size_t t, const AheadGroup& x) {
      if constexpr (Neuron::reads_x) {
        KeptGroup group;
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) group.at[j] = static_cast<Register>(x.at[j]);
        kept(t, kept_stored) = group;
      }
    }

    // What forward stored, from the window's first kept step to `end`.
    DEVICE_CODE void read_stored(size_t end) {
      SPIKESHIP_UNROLL
      for (int k = 0; k < stored; k++) {
        if (!has_bit(Neuron::reads_stored, k)) continue;
        SPIKESHIP_ROLLED
        for (size_t t = first_kept_; t < end; t += steps_ahead) {
          RowsAhead<width> ahead;
          read_ahead(shape_, call_.saved[k], t, 1, end - t, lane_, ahead);
          float rows[steps_ahead][width];
          widen(shape_, lane_, ahead, rows);
          SPIKESHIP_UNROLL
          for (unsigned c = 0; c < steps_ahead; c++) {
            KeptGroup group;
            SPIKESHIP_UNROLL
            for (int j = 0; j < width; j++) group.at[j] = stored_from_edge(rows[c][j]);
            if (t + c < end) kept(t + c, slot_of(k)) = group;
          }
        }
      }
      if constexpr (Neuron::reads_x) {
        const Normaliser<width> normalise(call_.normalised, lane_);
        SPIKESHIP_ROLLED
        for (size_t t = first_kept_; t < end; t++) {
          float row[1][width];
          read_row(shape_, call_.x, shape_.repeated_input ? 0 : t, lane_, row[0]);
          normalise(row);
          AheadGroup x;
          SPIKESHIP_UNROLL
          for (int j = 0; j < width; j++) x.at[j] = row[0][j];
          keep_input(t, x);
        }
      }
    }

    DEVICE_CODE Register stored_from_edge(float value) const {
      if constexpr (Neuron::is_grid) return from_edge(neuron_, value);
      else return value;
    }

    DEVICE_CODE void back(size_t begin, size_t end, double (&sums)[learned > 0 ? learned : 1]) {
      RowsAhead<width> rows;
      read_ahead(shape_, call_.grad_spike, end - 1, -1, end - begin, lane_, rows);
      SPIKESHIP_ROLLED
      for (size_t last = end; last > begin;) {
        const size_t count = last - begin < steps_ahead ? last - begin : steps_ahead;
        float gradients[steps_ahead][width];
        widen(shape_, lane_, rows, gradients);
        put(gradients);
        if (last - count > begin) read_ahead(shape_, call_.grad_spike, last - count - 1, -1, last - count - begin, lane_, rows);
        SPIKESHIP_ROLLED
        for (unsigned c = 0; c < count; c++) step(last - 1 - c, ahead_[c * threads_], sums);
        last -= count;
      }
    }

    // Stored values of step t; 0 where the derivative does not read them.
    DEVICE_CODE void charged_at(size_t t, Register (&charged)[width][stored]) {
      SPIKESHIP_UNROLL
      for (int k = 0; k < stored; k++) {
        KeptGroup group = {};
        if (has_bit(Neuron::reads_stored, k)) group = kept(t, slot_of(k));
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) charged[j][k] = group.at[j];
      }
    }

    DEVICE_CODE void states_before(size_t t, Register (&state)[width][states]) {
      if constexpr (Neuron::reads_states != 0) {
        if (t == 0) return initial_states(neuron_, call_.initial_states, call_.initial_values, lane_, state);
        Register charged[width][stored];
        charged_at(t - 1, charged);
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) {
          SPIKESHIP_UNROLL
          for (int k = 0; k < states; k++) state[j][k] = Register{};
          neuron_.restore(charged[j], state[j]);
        }
      }
    }

    DEVICE_CODE void step(size_t t, const AheadGroup& g_spike, double (&sums)[learned > 0 ? learned : 1]) {
      Register charged[width][stored], state[width][states];
      charged_at(t, charged);
      states_before(t, state);
      KeptGroup x = {};
      if constexpr (Neuron::reads_x) x = kept(t, kept_stored);
      float slope[width], g_charged[width][stored], g_x[width];
      clear(slope);
      if constexpr (Neuron::fires) {
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) neuron_.argument(charged[j], slope[j]);
        surrogate_slopes(call_.surrogate, call_.surrogate_numbers, slope);
      }
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) {
        SPIKESHIP_UNROLL
        for (int k = 0; k < stored; k++) g_charged[j][k] = 0.0f;
      }
      if (call_.given) given_gradients(t, g_charged);
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) {
        float g_state[states], g_parameter[learned > 0 ? learned : 1];
        neuron_.step(static_cast<float>(x.at[j]), state[j], charged[j], slope[j], g_spike.at[j], carry_[j], g_charged[j], g_x[j], g_state,
                     g_parameter);
        SPIKESHIP_UNROLL
        for (int k = 0; k < states; k++) carry_[j][k] = g_state[k];
        SPIKESHIP_UNROLL
        for (int k = 0; k < learned; k++) {
          if (lane_.has(j)) sums[k] += static_cast<double>(g_parameter[k]);
        }
      }
      if (shape_.repeated_input) {
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) total_[j] = t + 1 == shape_.steps ? g_x[j] : total_[j] + g_x[j];
      } else if (call_.grad_x) {
        write_row(shape_, call_.grad_x, t, lane_, g_x);
      }
    }

    // Gradients that losses give states and stored values directly.
    DEVICE_CODE void given_gradients(size_t t, float (&g_charged)[width][stored]) {
      SPIKESHIP_UNROLL
      for (int k = 0; k < stored; k++) {
        float given[width];
        read_row(shape_, call_.grad_saved[k], t, lane_, given);
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) g_charged[j][k] = Neuron::is_grid ? given[j] * inward(neuron_) : given[j];
      }
      SPIKESHIP_UNROLL
      for (int k = 0; k < states; k++) {
        if (!call_.grad_state_seqs[k]) continue;
        float given[width];
        read_row(shape_, call_.grad_state_seqs[k], t, lane_, given);
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) carry_[j][k] += given[j] * inward(neuron_);
      }
    }

    const BackwardArguments& call_;
    const ScanShape& shape_;
    const Neuron neuron_;
    const Lane<width> lane_;
    AheadGroup* ahead_;
    KeptGroup* kept_;
    size_t lanes_, first_kept_;
    unsigned threads_;
    float carry_[width][states];
    float total_[width];
  };
};
