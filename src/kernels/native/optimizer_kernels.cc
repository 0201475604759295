// Optimizer steps: the loops. Compiled once for each instruction set.
#include "optimizer_kernels.h"

#include "optimizer_ops.h"
#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

struct AsGiven {
  float operator()(float grad) const { return grad; }
};
struct Changed {
  GradientChange change;
  float operator()(float grad) const { return changed(change, grad); }
};

template <class Gradient>
void sgd(float* param, const float* grad, float* momentum, size_t count, SgdScalars scalars, Gradient gradient) {
  if (momentum == nullptr) {
#pragma omp parallel for simd schedule(static) firstprivate(scalars, gradient) if (parallel : count >= parallel_from)
    for (size_t i = 0; i < count; i++) param[i] = sgd_element(scalars, param[i], gradient(grad[i]));
    return;
  }
#pragma omp parallel for simd schedule(static) firstprivate(scalars, gradient) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const SgdState next = sgd_momentum_element(scalars, param[i], gradient(grad[i]), momentum[i]);
    momentum[i] = next.momentum;
    param[i] = next.param;
  }
}

template <class Gradient>
void adam(float* param, const float* grad, float* mean, float* variance, size_t count, AdamScalars scalars, Gradient gradient) {
#pragma omp parallel for simd schedule(static) firstprivate(scalars, gradient) if (parallel : count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const AdamState next = adam_element(scalars, param[i], gradient(grad[i]), mean[i], variance[i]);
    mean[i] = next.mean;
    variance[i] = next.variance;
    param[i] = next.param;
  }
}

bool changes(const GradientChange& change) {
  return change.unscale != 1.0f || change.factor != 1.0f || finite_number(change.limit);
}

}  // namespace

void sgd_step(float* param, const float* grad, float* momentum, size_t count, const SgdOptions& options, const GradientChange& change) {
  const SgdScalars scalars = sgd_scalars(options);
  if (changes(change)) sgd(param, grad, momentum, count, scalars, Changed{change});
  else sgd(param, grad, momentum, count, scalars, AsGiven{});
}

void adam_step(float* param, const float* grad, float* mean, float* variance, size_t count, const AdamOptions& options,
               const GradientChange& change) {
  const AdamScalars scalars = adam_scalars(options);
  if (changes(change)) adam(param, grad, mean, variance, count, scalars, Changed{change});
  else adam(param, grad, mean, variance, count, scalars, AsGiven{});
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
