// One element of an optimizer step, in the order of PyTorch's single-tensor code (torch/optim/sgd.py, adam.py): scalars are computed
// in double precision and rounded to float32 once, elements in float32. And what is decided once for a step. Included like element_ops.h.
#pragma once

#include <bit>
#include <cmath>

#include "arguments.h"
#include "optimizer_step.h"
#include "vector_math.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

struct SgdScalars {
  float rate, decay, keep, mix;
  bool first, nesterov;
};

SPIKESHIP_INLINE SgdScalars sgd_scalars(const SgdOptions& options) {
  return {static_cast<float>(options.learning_rate), static_cast<float>(options.weight_decay), static_cast<float>(options.momentum),
          static_cast<float>(1.0 - options.dampening), options.first_step, options.nesterov};
}

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

// `base` to a whole power, exact to the last place but one: products of two doubles each. The same on every device, which `pow` is not.
SPIKESHIP_INLINE double whole_power(double base, double exponent) {
  double high = 1.0, low = 0.0, square = base, square_low = 0.0;
  for (uint64_t left = static_cast<uint64_t>(exponent); left != 0; left >>= 1) {
    if ((left & 1u) != 0) {
      const double product = high * square;
      const double rest = std::fma(high, square, -product) + (high * square_low + low * square);
      high = product + rest;
      low = rest - (high - product);
    }
    const double product = square * square;
    const double rest = std::fma(square, square, -product) + 2.0 * (square * square_low);
    square = product + rest;
    square_low = rest - (square - product);
  }
  return high;
}

struct AdamScalars {
  float epsilon, decay, shrink, mix, keep, square_mix, step_size, root_correction;
};

SPIKESHIP_INLINE AdamScalars adam_scalars(const AdamOptions& options) {
  const double correction1 = 1.0 - whole_power(options.beta1, options.step);
  const double correction2 = 1.0 - whole_power(options.beta2, options.step);
  return {static_cast<float>(options.epsilon),
          static_cast<float>(options.decoupled ? 0.0 : options.weight_decay),
          static_cast<float>(options.decoupled ? 1.0 - options.learning_rate * options.weight_decay : 1.0),
          static_cast<float>(1.0 - options.beta1),
          static_cast<float>(options.beta2),
          static_cast<float>(1.0 - options.beta2),
          static_cast<float>(options.learning_rate / correction1),
          static_cast<float>(std::sqrt(correction2))};
}

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

SPIKESHIP_INLINE float changed(const GradientChange& change, float grad) {
  const float unscaled = grad * change.unscale;
  const float raised = unscaled < -change.limit ? -change.limit : unscaled;
  return (raised > change.limit ? change.limit : raised) * change.factor;
}

// --- once for a step ---------------------------------------------------------------------------------------------------------------

SPIKESHIP_INLINE SgdOptions sgd_options(const StepRules& rules, const StepParameter& parameter, double rate, double step) {
  return {rate * parameter.rate_factor, rules.momentum, rules.dampening, parameter.weight_decay, rules.nesterov, step == 1.0};
}

SPIKESHIP_INLINE AdamOptions adam_options(const StepRules& rules, const StepParameter& parameter, double rate, double step) {
  return {rate * parameter.rate_factor, rules.beta1, rules.beta2, rules.epsilon, parameter.weight_decay, rules.decoupled, step};
}

SPIKESHIP_INLINE double* step_counts(StepControl& control) { return reinterpret_cast<double*>(&control + 1); }

SPIKESHIP_INLINE bool finite_number(float x) { return (std::bit_cast<uint32_t>(x) & 0x7f800000u) != 0x7f800000u; }

// What gradients are multiplied by so that the loss's scale is out of them.
SPIKESHIP_INLINE float unscaling(const StepRules& rules, const StepControl& control) {
  return rules.scaled ? static_cast<float>(1.0 / static_cast<double>(control.scale)) : 1.0f;
}

struct StepDecision {
  bool taken;
  GradientChange change;
};

// Whether the step is taken, and how gradients are changed for it; the control is brought up to date. The scale of the loss goes by
// Micikevicius et al., "Mixed Precision Training", ICLR 2018, with the numbers of PyTorch's GradScaler; the clipping by its
// `clip_grad_norm_`. `squares`: sum of the squares of all gradients, divided by the scale; only read where they are clipped by it.
SPIKESHIP_INLINE StepDecision decide(const StepRules& rules, StepControl& control, double squares, bool finite, float loss) {
  // Good steps after which the scale is doubled; gradients that overflow at the smallest scale are not finite in float32 either.
  constexpr double growth_steps = 2000.0;
  constexpr float smallest_scale = 1.0f / 1024.0f;
  // Keeps the division sound for tiny norms.
  constexpr double norm_margin = 1e-6;
  StepDecision decision{false, {}};
  if (control.halted != running) return decision;
  if (!finite_number(loss)) {
    control.halted = halted_by_loss;
    return decision;
  }
  decision.change.unscale = unscaling(rules, control);
  if (rules.scaled) {
    control.good_steps = finite ? control.good_steps + 1.0 : 0.0;
    if (!finite) {
      control.scale *= 0.5f;
      if (control.scale < smallest_scale) control.halted = halted_by_scale;
      return decision;
    }
    if (control.good_steps >= growth_steps) {
      control.scale *= 2.0f;
      control.good_steps = 0.0;
    }
  }
  if (rules.clip == Clip::value) decision.change.limit = static_cast<float>(rules.limit);
  if (rules.clip == Clip::norm) {
    const double norm = std::sqrt(squares);
    control.norm = norm;
    if (!(norm <= 1.7976931348623157e308)) {
      control.halted = halted_by_norm;
      return decision;
    }
    const double factor = rules.limit / (norm + norm_margin);
    if (factor < 1.0) decision.change.factor = static_cast<float>(factor);
  }
  decision.taken = true;
  return decision;
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
