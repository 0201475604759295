// Softmax cross-entropy in double precision, rows on any thread. Compiled once for each instruction set.
#include "loss_kernels.h"

#include "parallel.h"
#include "vector_math.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

void cross_entropy(size_t rows, size_t classes, const float* logits, const int32_t* labels, double* losses, float* grad) {
#pragma omp parallel for schedule(static) if (rows * classes >= parallel_from / 16)
  for (size_t row = 0; row < rows; row++) {
    const float* x = logits + row * classes;
    float highest = x[0];
    for (size_t c = 1; c < classes; c++) highest = x[c] > highest ? x[c] : highest;
    const auto shift = static_cast<double>(highest);
    double sum = 0;
    for (size_t c = 0; c < classes; c++) sum += exp_double(static_cast<double>(x[c]) - shift);
    losses[row] = log_double(sum) - (static_cast<double>(x[labels[row]]) - shift);
    if (grad == nullptr) continue;
    float* out = grad + row * classes;
    const auto n = static_cast<double>(rows);
    for (size_t c = 0; c < classes; c++) {
      const double target = static_cast<int32_t>(c) == labels[row] ? 1.0 : 0.0;
      out[c] = static_cast<float>((exp_double(static_cast<double>(x[c]) - shift) / sum - target) / n);
    }
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
