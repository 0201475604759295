// The input of a scan as the neuron gets it: in place, or normalised on its way from memory (a batch norm before the neuron, whose result
// is then never written). Included by neuron_scan.cc.

class InputRows {
 public:
  explicit InputRows(const ChannelTerms& terms) : channels_(terms.channels) {
    if (!terms.scale) return;
    // Repeated, so that a piece may begin with any channel.
    const size_t length = channels_ + piece_size;
    scale_ = new float[2 * length];
    offset_ = scale_ + length;
    for (size_t i = 0; i < length; i++) {
      scale_[i] = terms.scale[i % channels_];
      offset_[i] = terms.offset[i % channels_];
    }
  }
  ~InputRows() { delete[] scale_; }
  InputRows(const InputRows&) = delete;
  InputRows& operator=(const InputRows&) = delete;

  bool in_place() const { return !scale_; }

  // n numbers (at most a piece) of a row, which begin with `x` and the element `element` of their step; `scratch` has room for them.
  const float* piece(const float* x, size_t element, float* scratch, size_t n) const {
    if (in_place()) return x;
    const float* scale = scale_ + element % channels_;
    const float* offset = offset_ + element % channels_;
    SPIKESHIP_ROW_LOOP
    for (size_t i = 0; i < n; i++) scratch[i] = x[i] * scale[i] + offset[i];
    return scratch;
  }

 private:
  size_t channels_;
  float* scale_ = nullptr;
  float* offset_ = nullptr;
};
