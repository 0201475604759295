// Pooling over channels-last data: every result point gathers from the points it is linked to, so that rows of the result are
// independent and sums have one order. Compiled once for each instruction set.
#include "pool_kernels.h"

#include "parallel.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

// Calls visit(source point, tap) for everything result point (d, h, w) of image `image` is linked to, in rising order.
template <class Visit>
inline __attribute__((always_inline)) void for_links(const PoolPlan& plan, size_t image, size_t d, size_t h, size_t w, Visit visit) {
  const auto& [depth, height, width] = plan.links;
  for (size_t i = depth.first[d]; i < depth.first[d + 1]; i++) {
    const size_t plane = image * plan.source[0] + depth.position[i];
    for (size_t j = height.first[h]; j < height.first[h + 1]; j++) {
      const size_t line = plane * plan.source[1] + height.position[j];
      const size_t taps = (depth.tap[i] * plan.kernel[1] + height.tap[j]) * plan.kernel[2];
      for (size_t k = width.first[w]; k < width.first[w + 1]; k++) {
        visit(line * plan.source[2] + width.position[k], taps + width.tap[k]);
      }
    }
  }
}

// Calls body(image, d, h, w, result point) for every point of the result, rows on any thread.
template <class Body>
inline __attribute__((always_inline)) void for_results(const PoolPlan& plan, Body body) {
  const size_t rows = plan.batch * plan.result[0] * plan.result[1];
  const size_t columns = plan.result[2];
#pragma omp parallel for schedule(static) if (rows * columns * plan.channels >= parallel_from)
  for (size_t row = 0; row < rows; row++) {
    const size_t h = row % plan.result[1];
    const size_t d = row / plan.result[1] % plan.result[0];
    const size_t image = row / plan.result[1] / plan.result[0];
    for (size_t w = 0; w < columns; w++) body(image, d, h, w, row * columns + w);
  }
}

// What an output point divides its sum by. Points of the output grid are numbered without the batch.
inline float divisor_at(const PoolPlan& plan, size_t d, size_t h, size_t w) {
  if (plan.divisor != 0) return static_cast<float>(plan.divisor);
  return static_cast<float>(plan.window[0][d] * plan.window[1][h] * plan.window[2][w]);
}

inline void clear(float* values, size_t count, float value) {
#pragma omp simd
  for (size_t c = 0; c < count; c++) values[c] = value;
}

}  // namespace

void pool_max(const PoolPlan& plan, const float* x, float* y, int32_t* indices) {
  const size_t channels = plan.channels;
  for_results(plan, [&](size_t image, size_t d, size_t h, size_t w, size_t point) {
    float* best = y + point * channels;
    int32_t* winners = indices == nullptr ? nullptr : indices + point * channels;
    bool first = true;
    for_links(plan, image, d, h, w, [&](size_t source, size_t tap) {
      const float* values = x + source * channels;
      const auto index = static_cast<int32_t>(tap);
      if (first) {
        for (size_t c = 0; c < channels; c++) best[c] = values[c];
        if (winners != nullptr) for (size_t c = 0; c < channels; c++) winners[c] = index;
      } else if (winners == nullptr) {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
          const float value = values[c];
          const float kept = best[c];
          best[c] = ((value > kept) | (value != value)) & (kept == kept) ? value : kept;
        }
      } else {
#pragma omp simd
        for (size_t c = 0; c < channels; c++) {
          const float value = values[c];
          const float kept = best[c];
          const bool wins = ((value > kept) | (value != value)) & (kept == kept);
          best[c] = wins ? value : kept;
          winners[c] = wins ? index : winners[c];
        }
      }
      first = false;
    });
    if (!first) return;
    // A window that lies wholly in the padding.
    clear(best, channels, -__builtin_inff());
    if (winners != nullptr) for (size_t c = 0; c < channels; c++) winners[c] = -1;
  });
}

void pool_max_backward(const PoolPlan& plan, const float* grad_y, const int32_t* indices, float* grad_x) {
  const size_t channels = plan.channels;
  for_results(plan, [&](size_t image, size_t d, size_t h, size_t w, size_t point) {
    float* sum = grad_x + point * channels;
    clear(sum, channels, 0.0f);
    for_links(plan, image, d, h, w, [&](size_t source, size_t tap) {
      const float* grads = grad_y + source * channels;
      const int32_t* winners = indices + source * channels;
      const auto index = static_cast<int32_t>(tap);
#pragma omp simd
      for (size_t c = 0; c < channels; c++) sum[c] += winners[c] == index ? grads[c] : 0.0f;
    });
  });
}

void pool_sum(const PoolPlan& plan, const float* x, float* y) {
  const size_t channels = plan.channels;
  const bool average = plan.divisor != 0 || plan.window[0] != nullptr;
  for_results(plan, [&](size_t image, size_t d, size_t h, size_t w, size_t point) {
    float* sum = y + point * channels;
    clear(sum, channels, 0.0f);
    for_links(plan, image, d, h, w, [&](size_t source, size_t) {
      const float* values = x + source * channels;
#pragma omp simd
      for (size_t c = 0; c < channels; c++) sum[c] += values[c];
    });
    if (!average) return;
    const float divisor = divisor_at(plan, d, h, w);
    if (divisor == 0.0f) return;  // a window wholly in padding that is not counted: the sum is 0 and stays so
#pragma omp simd
    for (size_t c = 0; c < channels; c++) sum[c] /= divisor;
  });
}

void pool_sum_backward(const PoolPlan& plan, const float* grad_y, float* grad_x) {
  const size_t channels = plan.channels;
  const bool average = plan.divisor != 0 || plan.window[0] != nullptr;
  for_results(plan, [&](size_t image, size_t d, size_t h, size_t w, size_t point) {
    float* sum = grad_x + point * channels;
    clear(sum, channels, 0.0f);
    for_links(plan, image, d, h, w, [&](size_t source, size_t) {
      const float* grads = grad_y + source * channels;
      const size_t column = source % plan.source[2];
      const size_t line = source / plan.source[2] % plan.source[1];
      const size_t plane = source / plan.source[2] / plan.source[1] % plan.source[0];
      const float divisor = average ? divisor_at(plan, plane, line, column) : 1.0f;
#pragma omp simd
      for (size_t c = 0; c < channels; c++) sum[c] += grads[c] / divisor;
    });
  });
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
