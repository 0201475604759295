// Optimizer steps: the loops. Compiled once for each instruction set.
#include "optimizer_kernels.h"

#include "optimizer_ops.h"
#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

void sgd_step(float* param, const float* grad, float* momentum, size_t count, const SgdOptions& options) {
  const SgdScalars scalars(options);
  if (momentum == nullptr) {
#pragma omp parallel for simd schedule(static) firstprivate(scalars) if (count >= parallel_from)
    for (size_t i = 0; i < count; i++) param[i] = sgd_element(scalars, param[i], grad[i]);
    return;
  }
#pragma omp parallel for simd schedule(static) firstprivate(scalars) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const SgdState next = sgd_momentum_element(scalars, param[i], grad[i], momentum[i]);
    momentum[i] = next.momentum;
    param[i] = next.param;
  }
}

void adam_step(float* param, const float* grad, float* mean, float* variance, size_t count, const AdamOptions& options,
               float step_size, float root_correction) {
  const AdamScalars scalars(options, step_size, root_correction);
#pragma omp parallel for simd schedule(static) firstprivate(scalars) if (count >= parallel_from)
  for (size_t i = 0; i < count; i++) {
    const AdamState next = adam_element(scalars, param[i], grad[i], mean[i], variance[i]);
    mean[i] = next.mean;
    variance[i] = next.variance;
    param[i] = next.param;
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
