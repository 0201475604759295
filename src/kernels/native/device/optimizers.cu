// Optimizer steps of one parameter: the CPU's functions of one element (optimizer_ops.h), so results are the CPU's bit for bit.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../optimizer_ops.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

struct Sgd {
  SgdScalars scalars;
  GradientChange change;
  DEVICE_CODE void operator()(const float (&x)[2], float (&y)[1]) const { y[0] = sgd_element(scalars, x[0], changed(change, x[1])); }
};

struct SgdMomentum {
  SgdScalars scalars;
  GradientChange change;
  DEVICE_CODE void operator()(const float (&x)[3], float (&y)[2]) const {
    const SgdState next = sgd_momentum_element(scalars, x[0], changed(change, x[1]), x[2]);
    y[0] = next.param;
    y[1] = next.momentum;
  }
};

struct Adam {
  AdamScalars scalars;
  GradientChange change;
  DEVICE_CODE void operator()(const float (&x)[4], float (&y)[3]) const {
    const AdamState next = adam_element(scalars, x[0], changed(change, x[1]), x[2], x[3]);
    y[0] = next.param;
    y[1] = next.mean;
    y[2] = next.variance;
  }
};

}  // namespace

void sgd_step(float* param, const float* grad, float* momentum, size_t count, const SgdOptions& options, const GradientChange& change) {
  const SgdScalars scalars = sgd_scalars(options);
  if (momentum == nullptr) return for_elements(count, {param, grad}, {param}, Sgd{scalars, change}, "sgdStep");
  for_elements(count, {param, grad, momentum}, {param, momentum}, SgdMomentum{scalars, change}, "sgdStep");
}

void adam_step(float* param, const float* grad, float* mean, float* variance, size_t count, const AdamOptions& options,
               const GradientChange& change) {
  for_elements(count, {param, grad, mean, variance}, {param, mean, variance}, Adam{adam_scalars(options), change}, "adamStep");
}

}  // namespace spikeship::device
