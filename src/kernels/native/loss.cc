// Loss functions as JavaScript calls them.
#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "loss_kernels.h"

namespace spikeship::loss {

void softmax_cross_entropy(Environment& environment, size_t rows, size_t classes, Buffer logits, Buffer labels, Buffer loss,
                           OptionalBuffer grad) {
  const size_t count = product({rows, classes});
  const float* x = logits.floats(count, "softmaxCrossEntropy logits");
  const int32_t* wanted = labels.as<int32_t>(rows, "softmaxCrossEntropy labels");
  float* result = loss.floats(1, "softmaxCrossEntropy loss");
  float* gradient = grad.floats(count, "softmaxCrossEntropy grad");
  if (count == 0) throw Failure{"SHAPE", "softmaxCrossEntropy", "at least one row and one class", "none", ""};
  if (const DeviceKernels* device = call_device()) return device->cross_entropy(rows, classes, x, wanted, result, gradient);
  for (size_t row = 0; row < rows; row++) {
    if (wanted[row] >= 0 && static_cast<size_t>(wanted[row]) < classes) continue;
    throw Failure{"VALUE", "softmaxCrossEntropy", "labels from 0 to " + std::to_string(classes - 1),
                  std::to_string(wanted[row]) + " in row " + std::to_string(row), "Check the dataset's labels."};
  }
  double* losses = environment.partials.doubles(rows);
  SPIKESHIP_ON_BEST_ISA(cross_entropy(rows, classes, x, wanted, losses, gradient));
  double sum = 0;
  for (size_t row = 0; row < rows; row++) sum += losses[row];
  *result = static_cast<float>(sum / static_cast<double>(rows));
}

}  // namespace spikeship::loss
