// Optimizer steps as JavaScript calls them.
#include <cmath>

#include "device_call.h"
#include "entries.h"
#include "optimizer_kernels.h"

namespace spikeship::optimizers {

void sgd(Environment&, Buffer param, Buffer grad, OptionalBuffer momentum, size_t count, SgdOptions options) {
  SPIKESHIP_ON_DEVICE_OR_ISA(sgd_step(param.floats(count, "sgdStep param"), grad.floats(count, "sgdStep grad"),
                                 momentum.floats(count, "sgdStep momentum"), count, options));
}

void adam(Environment&, Buffer param, Buffer grad, Buffer mean, Buffer variance, size_t count, AdamOptions options) {
  const double correction1 = 1.0 - std::pow(options.beta1, options.step);
  const double correction2 = 1.0 - std::pow(options.beta2, options.step);
  SPIKESHIP_ON_DEVICE_OR_ISA(adam_step(param.floats(count, "adamStep param"), grad.floats(count, "adamStep grad"),
                                  mean.floats(count, "adamStep mean"), variance.floats(count, "adamStep variance"), count, options,
                                  static_cast<float>(options.learning_rate / correction1),
                                  static_cast<float>(std::sqrt(correction2))));
}

}  // namespace spikeship::optimizers
