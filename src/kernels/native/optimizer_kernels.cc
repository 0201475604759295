// Optimizer steps in the order of PyTorch's single-tensor code (torch/optim/sgd.py, adam.py): scalars are computed in double
// precision and rounded to float32 once, elements in float32. Compiled once for each instruction set.
#include "optimizer_kernels.h"

#include <cmath>

#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

void sgd_step(float* param, const float* grad, float* momentum, size_t count, const SgdOptions& options) {
  const auto rate = static_cast<float>(options.learning_rate);
  const auto decay = static_cast<float>(options.weight_decay);
  const auto keep = static_cast<float>(options.momentum);
  const auto mix = static_cast<float>(1.0 - options.dampening);
  if (momentum == nullptr) {
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
    for (size_t i = 0; i < count; i++) param[i] -= rate * (grad[i] + decay * param[i]);
    return;
  }
  const bool first = options.first_step;
  const bool nesterov = options.nesterov;
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const float g = grad[i] + decay * param[i];
    const float mixed = momentum[i] * keep + mix * g;
    const float velocity = first ? g : mixed;
    const float ahead = g + keep * velocity;
    momentum[i] = velocity;
    param[i] -= rate * (nesterov ? ahead : velocity);
  }
}

void adam_step(float* param, const float* grad, float* mean, float* variance, size_t count, const AdamOptions& options,
               float step_size, float root_correction) {
  const auto epsilon = static_cast<float>(options.epsilon);
  const auto decay = static_cast<float>(options.decoupled ? 0.0 : options.weight_decay);
  const auto shrink = static_cast<float>(options.decoupled ? 1.0 - options.learning_rate * options.weight_decay : 1.0);
  const auto mix = static_cast<float>(1.0 - options.beta1);
  const auto keep = static_cast<float>(options.beta2);
  const auto square_mix = static_cast<float>(1.0 - options.beta2);
#pragma omp parallel for simd schedule(static) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const float weight = param[i] * shrink;
    const float g = grad[i] + decay * weight;
    const float m = mean[i] + mix * (g - mean[i]);
    const float v = variance[i] * keep + square_mix * g * g;
    mean[i] = m;
    variance[i] = v;
    param[i] = weight - step_size * m / (std::sqrt(v) / root_correction + epsilon);
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
