// Pieces of reductions. Compiled once for each instruction set; sums have a fixed number of lanes, so that the order of additions
// is the same in all of them.
#include "reduce_kernels.h"

#include <bit>

#include "optimizer_step.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

constexpr size_t lanes = square_lanes;

// Narrow matrices without gaps are read as if `lanes / columns` rows were one.
void sum_narrow(const float* x, size_t rows, size_t columns, double* sums) {
  const size_t together = lanes / columns;
  const size_t width = together * columns;
  double partial[lanes] = {};
  size_t row = 0;
  for (; row + together <= rows; row += together) {
    const float* wide = x + row * columns;
    if (width == lanes) {
#pragma omp simd
      for (size_t i = 0; i < lanes; i++) partial[i] += static_cast<double>(wide[i]);
    } else {
#pragma omp simd
      for (size_t i = 0; i < width; i++) partial[i] += static_cast<double>(wide[i]);
    }
  }
  for (size_t column = 0; column < columns; column++) {
    double sum = 0;
    for (size_t i = column; i < width; i += columns) sum += partial[i];
    for (size_t rest = row; rest < rows; rest++) sum += static_cast<double>(x[rest * columns + column]);
    sums[column] = sum;
  }
}

}  // namespace

void sum_columns(const float* x, size_t rows, size_t stride, size_t columns, double* sums) {
  if (columns <= lanes / 2 && stride == columns) return sum_narrow(x, rows, columns, sums);
  for (size_t column = 0; column < columns; column++) sums[column] = 0;
  for (size_t row = 0; row < rows; row++) {
    const float* values = x + row * stride;
#pragma omp simd
    for (size_t column = 0; column < columns; column++) sums[column] += static_cast<double>(values[column]);
  }
}

// NaN wins.
void max_columns(const float* x, size_t rows, size_t stride, size_t columns, float* out) {
  for (size_t column = 0; column < columns; column++) out[column] = x[column];
  for (size_t row = 1; row < rows; row++) {
    const float* values = x + row * stride;
#pragma omp simd
    for (size_t column = 0; column < columns; column++) {
      const float value = values[column];
      out[column] = (value > out[column]) | (value != value) ? value : out[column];
    }
  }
}

// The first maximum; the first NaN if there is one.
void argmax_columns(const float* x, size_t rows, size_t stride, size_t columns, float* best, int32_t* out) {
  for (size_t column = 0; column < columns; column++) {
    best[column] = x[column];
    out[column] = 0;
  }
  for (size_t row = 1; row < rows; row++) {
    const float* values = x + row * stride;
    const auto index = static_cast<int32_t>(row);
#pragma omp simd
    for (size_t column = 0; column < columns; column++) {
      const float value = values[column];
      const float kept = best[column];
      const bool wins = ((value > kept) | (value != value)) & (kept == kept);
      best[column] = wins ? value : kept;
      out[column] = wins ? index : out[column];
    }
  }
}

double sum_squares(const float* x, size_t count, float factor) {
  double partial[lanes] = {};
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
#pragma omp simd
    for (size_t lane = 0; lane < lanes; lane++) {
      const auto value = static_cast<double>(x[i + lane] * factor);
      partial[lane] += value * value;
    }
  }
  double sum = 0;
  for (const double part : partial) sum += part;
  for (; i < count; i++) {
    const auto value = static_cast<double>(x[i] * factor);
    sum += value * value;
  }
  return sum;
}

size_t count_non_finite(const float* x, size_t count) {
  size_t found = 0;
#pragma omp simd reduction(+ : found)
  for (size_t i = 0; i < count; i++) found += (std::bit_cast<uint32_t>(x[i]) & 0x7f800000u) == 0x7f800000u;
  return found;
}

size_t count_different(const float* a, const float* b, size_t count) {
  size_t found = 0;
#pragma omp simd reduction(+ : found)
  for (size_t i = 0; i < count; i++) found += a[i] != b[i];
  return found;
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
