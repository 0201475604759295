// A whole optimizer step: what it is given, and what a device keeps of it between two steps. The rules are in optimizer_ops.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace spikeship {

enum class OptimizerKind { sgd, adam };
enum class Clip { none, norm, value };

// What a gradient becomes before it is used: times `unscale`, within -limit..limit, times `factor`.
struct GradientChange {
  float unscale = 1.0f, limit = std::numeric_limits<float>::infinity(), factor = 1.0f;
};

// The same for all parameters.
struct StepRules {
  OptimizerKind kind;
  double momentum, dampening;
  bool nesterov;
  double beta1, beta2, epsilon;
  bool decoupled;
  Clip clip;
  double limit;
  // Gradients are divided by the control's scale, and the step is left out where one of them is not finite.
  bool scaled;
};

// One parameter. `number`: which of the control's step counts is its own.
struct StepParameter {
  float* param;
  const float* grad;
  // momentum, or mean and variance; null where there is none
  float *first, *second;
  size_t count, number;
  double rate_factor, weight_decay;
};

// Why no step is taken any more.
enum Halt : uint32_t { running, halted_by_loss, halted_by_norm, halted_by_scale };

// What goes from step to step, in memory of the device of the parameters; native-core.ts lays it out for JavaScript. Behind it the number of
// steps of each parameter, as doubles.
struct StepControl {
  float scale;
  uint32_t halted;
  double good_steps;
  double learning_rate;
  // of all gradients of the last step that was clipped by it, before
  double norm;

  static constexpr size_t bytes(size_t parameters) { return sizeof(StepControl) + parameters * sizeof(double); }
};

// Elements whose squares are added up by themselves, in `square_lanes` sums.
inline constexpr size_t square_chunk = 16384;
inline constexpr size_t square_lanes = 32;

struct OptimizerStepCall {
  StepRules rules;
  std::vector<StepParameter> parameters;
  StepControl* control;
  // One number, or null: where it is not finite, no step is taken.
  const float* loss;
};

}  // namespace spikeship
