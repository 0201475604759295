// Pieces of batch normalisation. Compiled once for each instruction set.
#include "batch_norm_kernels.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {

void norm_moments(const float* x, size_t rows, size_t columns, const float* shift, double* sums, double* squares) {
  for (size_t c = 0; c < columns; c++) sums[c] = squares[c] = 0;
  for (size_t row = 0; row < rows; row++) {
    const float* values = x + row * columns;
#pragma omp simd
    for (size_t c = 0; c < columns; c++) {
      const double value = static_cast<double>(values[c]) - static_cast<double>(shift[c]);
      sums[c] += value;
      squares[c] += value * value;
    }
  }
}

void norm_grad_moments(const float* x, const float* grad, size_t rows, size_t columns, const float* mean, double* sums,
                       double* dots) {
  for (size_t c = 0; c < columns; c++) sums[c] = dots[c] = 0;
  for (size_t row = 0; row < rows; row++) {
    const float* values = x + row * columns;
    const float* grads = grad + row * columns;
#pragma omp simd
    for (size_t c = 0; c < columns; c++) {
      const auto g = static_cast<double>(grads[c]);
      sums[c] += g;
      dots[c] += g * (static_cast<double>(values[c]) - static_cast<double>(mean[c]));
    }
  }
}

void norm_affine(const float* x, size_t rows, size_t columns, const float* scale, const float* offset, float* y) {
  for (size_t row = 0; row < rows; row++) {
    const float* values = x + row * columns;
    float* out = y + row * columns;
#pragma omp simd
    for (size_t c = 0; c < columns; c++) out[c] = values[c] * scale[c] + offset[c];
  }
}

void norm_backward(const float* x, const float* grad, size_t rows, size_t columns, const float* mean, const float* grad_mean,
                   const float* slope, const float* scale, float* grad_x) {
  for (size_t row = 0; row < rows; row++) {
    const float* values = x + row * columns;
    const float* grads = grad + row * columns;
    float* out = grad_x + row * columns;
#pragma omp simd
    for (size_t c = 0; c < columns; c++) out[c] = (grads[c] - grad_mean[c] - (values[c] - mean[c]) * slope[c]) * scale[c];
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
