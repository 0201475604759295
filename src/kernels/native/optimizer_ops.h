// One element of an optimizer step, in the order of PyTorch's single-tensor code (torch/optim/sgd.py, adam.py): scalars are computed
// in double precision and rounded to float32 once, elements in float32. Included like element_ops.h.
#pragma once

#include <cmath>

#include "arguments.h"
#include "vector_math.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

struct SgdScalars {
  float rate, decay, keep, mix;
  bool first, nesterov;

  explicit SgdScalars(const SgdOptions& options)
      : rate(static_cast<float>(options.learning_rate)),
        decay(static_cast<float>(options.weight_decay)),
        keep(static_cast<float>(options.momentum)),
        mix(static_cast<float>(1.0 - options.dampening)),
        first(options.first_step),
        nesterov(options.nesterov) {}
};

SPIKESHIP_INLINE float sgd_element(const SgdScalars& s, float param, float grad) {
  return param - s.rate * (grad + s.decay * param);
}

struct SgdState {
  float param, momentum;
};

SPIKESHIP_INLINE SgdState sgd_momentum_element(const SgdScalars& s, float param, float grad, float momentum) {
  const float g = grad + s.decay * param;
  const float mixed = momentum * s.keep + s.mix * g;
  const float velocity = s.first ? g : mixed;
  const float ahead = g + s.keep * velocity;
  return {param - s.rate * (s.nesterov ? ahead : velocity), velocity};
}

struct AdamScalars {
  float epsilon, decay, shrink, mix, keep, square_mix, step_size, root_correction;

  AdamScalars(const AdamOptions& options, float size, float correction)
      : epsilon(static_cast<float>(options.epsilon)),
        decay(static_cast<float>(options.decoupled ? 0.0 : options.weight_decay)),
        shrink(static_cast<float>(options.decoupled ? 1.0 - options.learning_rate * options.weight_decay : 1.0)),
        mix(static_cast<float>(1.0 - options.beta1)),
        keep(static_cast<float>(options.beta2)),
        square_mix(static_cast<float>(1.0 - options.beta2)),
        step_size(size),
        root_correction(correction) {}
};

struct AdamState {
  float param, mean, variance;
};

SPIKESHIP_INLINE AdamState adam_element(const AdamScalars& s, float param, float grad, float mean, float variance) {
  const float weight = param * s.shrink;
  const float g = grad + s.decay * weight;
  const float m = mean + s.mix * (g - mean);
  const float v = variance * s.keep + s.square_mix * g * g;
  return {weight - s.step_size * m / (std::sqrt(v) / s.root_correction + s.epsilon), m, v};
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
