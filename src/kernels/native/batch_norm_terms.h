// What batch normalisation makes of the sums over one channel, for the CPU and for device libraries.
#pragma once

#include <cmath>

#include "inline_word.h"

namespace spikeship {

struct NormMoments {
  float mean, variance;
};

// `sum` and `squares` are those of x - shift over `rows` rows.
SPIKESHIP_INLINE NormMoments norm_moments_of(double sum, double squares, double rows, float shift) {
  const double difference = sum / rows;
  const double variance = squares / rows - difference * difference;
  return {static_cast<float>(static_cast<double>(shift) + difference), static_cast<float>(0.0 < variance ? variance : 0.0)};
}

// y = x * scale + offset
struct NormAffine {
  float scale, offset;
};

SPIKESHIP_INLINE double norm_inverse(float variance, double epsilon) {
  return 1.0 / std::sqrt(static_cast<double>(variance) + epsilon);
}

SPIKESHIP_INLINE NormAffine norm_affine_of(NormMoments moments, double epsilon, const float* weight, const float* bias) {
  const auto inverse = static_cast<float>(norm_inverse(moments.variance, epsilon));
  const float scale = weight == nullptr ? inverse : inverse * *weight;
  return {scale, (bias == nullptr ? 0.0f : *bias) - moments.mean * scale};
}

// grad_x = (grad - grad_mean - (x - mean) * slope) * scale
struct NormGradient {
  float grad_weight, grad_bias, grad_mean, slope, scale;
};

// `sum` is that of grad, `dot` that of grad * (x - mean), over `rows` rows.
SPIKESHIP_INLINE NormGradient norm_gradient_of(double sum, double dot, double rows, bool training, float variance, double epsilon,
                                               const float* weight) {
  const double inverse = norm_inverse(variance, epsilon);
  NormGradient gradient{static_cast<float>(dot * inverse), static_cast<float>(sum), 0.0f, 0.0f,
                        static_cast<float>(inverse) * (weight == nullptr ? 1.0f : *weight)};
  if (training) {
    gradient.grad_mean = static_cast<float>(sum / rows);
    gradient.slope = static_cast<float>(dot * inverse * inverse / rows);
  }
  return gradient;
}

}  // namespace spikeship
