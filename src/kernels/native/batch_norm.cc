// Batch normalisation over [rows, C] (rows = N and all spatial points). Statistics are sums in double precision over chunks of
// fixed size; the normalisation itself is y = x * (w / std) + (b - mean * w / std) in float32, as PyTorch computes it. What the
// statistics make of a channel and its application are two calls, because a neuron that follows applies it by itself.
#include <algorithm>

#include "batch_norm_kernels.h"
#include "batch_norm_terms.h"
#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "float_copies.h"
#include "parallel.h"
#include "sum_axis.h"

namespace spikeship::batch_norm {
namespace {

// Few channels fill no vector: several rows are then read as one wide row, and values per channel repeated to that width.
struct Wide {
  size_t repeat, columns, rows, rest;

  Wide(size_t all_rows, size_t channels)
      : repeat(std::max<size_t>(1, 64 / channels)), columns(repeat * channels), rows(all_rows / repeat), rest(all_rows % repeat) {}

  std::vector<float> repeated(const std::vector<float>& values) const {
    std::vector<float> wide;
    wide.reserve(columns);
    for (size_t i = 0; i < repeat; i++) wide.insert(wide.end(), values.begin(), values.end());
    return wide;
  }
};

// Sums over all rows of two quantities at once, [2, channels]; `piece(row, rows, columns, first, second)` sums some rows.
template <class Piece>
std::vector<double> two_sums(Environment& environment, const Wide& wide, size_t channels, Piece piece) {
  std::vector<double> totals(2 * channels, 0.0);
  if (wide.rows > 0) {
    const auto [rows_each, chunks] = row_chunks(wide.rows, wide.columns);
    double* partials = environment.partials.doubles(chunks * 2 * wide.columns);
#pragma omp parallel for schedule(static) if (wide.rows * wide.columns >= parallel_from)
    for (size_t chunk = 0; chunk < chunks; chunk++) {
      const size_t row = chunk * rows_each;
      double* first = partials + chunk * 2 * wide.columns;
      piece(row * wide.columns, std::min(rows_each, wide.rows - row), wide.columns, first, first + wide.columns);
    }
    for (size_t chunk = 0; chunk < chunks; chunk++) {
      for (size_t which = 0; which < 2; which++) {
        const double* partial = partials + (chunk * 2 + which) * wide.columns;
        for (size_t column = 0; column < wide.columns; column++) totals[which * channels + column % channels] += partial[column];
      }
    }
  }
  if (wide.rest > 0) {
    std::vector<double> last(2 * channels);
    piece(wide.rows * wide.columns, wide.rest, channels, last.data(), last.data() + channels);
    for (size_t i = 0; i < totals.size(); i++) totals[i] += last[i];
  }
  return totals;
}

// Runs `piece(offset, rows, columns)` over all rows.
template <class Piece>
void over_rows(const Wide& wide, size_t channels, Piece piece) {
  if (wide.rows > 0) {
    const auto [rows_each, chunks] = row_chunks(wide.rows, wide.columns);
#pragma omp parallel for schedule(static) if (wide.rows * wide.columns >= parallel_from)
    for (size_t chunk = 0; chunk < chunks; chunk++) {
      const size_t row = chunk * rows_each;
      piece(row * wide.columns, std::min(rows_each, wide.rows - row), wide.columns);
    }
  }
  if (wide.rest > 0) piece(wide.rows * wide.columns, wide.rest, channels);
}

void check(size_t rows, size_t channels, const char* where) {
  if (rows == 0 || channels == 0) {
    throw Failure{"SHAPE", where, "at least one row and one channel", std::to_string(rows) + " rows of " + std::to_string(channels), ""};
  }
}

void affine_of(size_t channels, double epsilon, const float* mean, const float* variance, const float* weight, const float* bias,
               float* affine) {
  for (size_t c = 0; c < channels; c++) {
    const NormAffine of_channel = norm_affine_of({mean[c], variance[c]}, epsilon, weight == nullptr ? nullptr : weight + c,
                                                 bias == nullptr ? nullptr : bias + c);
    affine[c] = of_channel.scale;
    affine[channels + c] = of_channel.offset;
  }
}

}  // namespace

void train(Environment& environment, size_t rows, size_t channels, double epsilon, Buffer x, OptionalBuffer weight,
           OptionalBuffer bias, Buffer mean, Buffer variance, Buffer affine, ActivationType type) {
  check(rows, channels, "batchNormTrain");
  const size_t count = product({rows, channels});
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn given(environment, x, type, count, "batchNormTrain x");
    return train(environment, rows, channels, epsilon, given.floats(), weight, bias, mean, variance, affine, ActivationType::float32);
  }
  const auto* source = static_cast<const float*>(x.numbers(count, type, "batchNormTrain x"));
  float* result = affine.floats(product({2, channels}), "batchNormTrain affine");
  float* means = mean.floats(channels, "batchNormTrain mean");
  float* variances = variance.floats(channels, "batchNormTrain variance");
  const float* weights = weight.floats(channels, "batchNormTrain weight");
  const float* offsets = bias.floats(channels, "batchNormTrain bias");
  if (const DeviceKernels* device = call_device()) {
    return device->batch_norm_train({rows, channels, epsilon}, source, weights, offsets, means, variances, result, type);
  }
  const Wide wide(rows, channels);
  // Sums of differences from the first row keep their digits when the mean is large.
  const std::vector<float> first_row(source, source + channels);
  const auto shift = wide.repeated(first_row);
  const auto sums = two_sums(environment, wide, channels, [&](size_t at, size_t some, size_t columns, double* sum, double* square) {
    SPIKESHIP_ON_BEST_ISA(norm_moments(source + at, some, columns, shift.data(), sum, square));
  });
  const auto n = static_cast<double>(rows);
  for (size_t c = 0; c < channels; c++) {
    const NormMoments moments = norm_moments_of(sums[c], sums[channels + c], n, first_row[c]);
    means[c] = moments.mean;
    variances[c] = moments.variance;
  }
  affine_of(channels, epsilon, means, variances, weights, offsets, result);
}

void infer(Environment&, size_t channels, double epsilon, Buffer mean, Buffer variance, OptionalBuffer weight, OptionalBuffer bias,
           Buffer affine) {
  const float* means = mean.floats(channels, "batchNormInfer mean");
  const float* variances = variance.floats(channels, "batchNormInfer variance");
  const float* weights = weight.floats(channels, "batchNormInfer weight");
  const float* offsets = bias.floats(channels, "batchNormInfer bias");
  float* result = affine.floats(product({2, channels}), "batchNormInfer affine");
  if (const DeviceKernels* device = call_device()) {
    return device->batch_norm_infer(channels, epsilon, means, variances, weights, offsets, result);
  }
  affine_of(channels, epsilon, means, variances, weights, offsets, result);
}

void channel_affine(Environment& environment, size_t rows, size_t channels, Buffer x, Buffer affine, Buffer y, ActivationType type) {
  if (rows == 0 || channels == 0) return;
  const size_t count = product({rows, channels});
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn given(environment, x, type, count, "channelAffine x");
    const FloatsOut wanted(environment, y, type, count, "channelAffine y");
    channel_affine(environment, rows, channels, given.floats(), affine, wanted.floats(), ActivationType::float32);
    return wanted.write();
  }
  const auto* source = static_cast<const float*>(x.numbers(count, type, "channelAffine x"));
  const float* terms = affine.floats(product({2, channels}), "channelAffine affine");
  auto* result = static_cast<float*>(y.numbers(count, type, "channelAffine y"));
  if (const DeviceKernels* device = call_device()) return device->channel_affine(rows, channels, source, terms, result, type);
  const Wide wide(rows, channels);
  const auto scales = wide.repeated({terms, terms + channels});
  const auto offsets = wide.repeated({terms + channels, terms + 2 * channels});
  over_rows(wide, channels, [&](size_t at, size_t some, size_t columns) {
    SPIKESHIP_ON_BEST_ISA(norm_affine(source + at, some, columns, scales.data(), offsets.data(), result + at));
  });
}

void backward(Environment& environment, bool training, size_t rows, size_t channels, double epsilon, Buffer x, Buffer grad_y,
              Buffer mean, Buffer variance, OptionalBuffer weight, OptionalBuffer grad_x, OptionalBuffer grad_weight,
              OptionalBuffer grad_bias, ActivationType type) {
  check(rows, channels, "batchNormBackward");
  const size_t count = product({rows, channels});
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn x_floats(environment, x, type, count, "batchNormBackward x");
    const FloatsIn grad_floats(environment, grad_y, type, count, "batchNormBackward gradY");
    const FloatsOut wanted_floats(environment, grad_x, type, count, "batchNormBackward gradX");
    backward(environment, training, rows, channels, epsilon, x_floats.floats(), grad_floats.floats(), mean, variance, weight,
             wanted_floats.floats(), grad_weight, grad_bias, ActivationType::float32);
    return wanted_floats.write();
  }
  const auto* source = static_cast<const float*>(x.numbers(count, type, "batchNormBackward x"));
  const auto* given = static_cast<const float*>(grad_y.numbers(count, type, "batchNormBackward gradY"));
  const float* means = mean.floats(channels, "batchNormBackward mean");
  const float* variances = variance.floats(channels, "batchNormBackward variance");
  const float* weights = weight.floats(channels, "batchNormBackward weight");
  auto* wanted = static_cast<float*>(grad_x.numbers(count, type, "batchNormBackward gradX"));
  float* wanted_weight = grad_weight.floats(channels, "batchNormBackward gradWeight");
  float* wanted_bias = grad_bias.floats(channels, "batchNormBackward gradBias");
  if (const DeviceKernels* device = call_device()) {
    return device->batch_norm_backward(training, {rows, channels, epsilon}, source, given, means, variances, weights, wanted,
                                       wanted_weight, wanted_bias, type);
  }
  const Wide wide(rows, channels);
  const auto wide_mean = wide.repeated({means, means + channels});
  const auto sums = two_sums(environment, wide, channels, [&](size_t at, size_t some, size_t columns, double* sum, double* dot) {
    SPIKESHIP_ON_BEST_ISA(norm_grad_moments(source + at, given + at, some, columns, wide_mean.data(), sum, dot));
  });

  const auto n = static_cast<double>(rows);
  std::vector<float> grad_mean(channels, 0.0f);
  std::vector<float> slope(channels, 0.0f);
  std::vector<float> scale(channels);
  for (size_t c = 0; c < channels; c++) {
    const NormGradient gradient = norm_gradient_of(sums[c], sums[channels + c], n, training, variances[c], epsilon,
                                                   weights == nullptr ? nullptr : weights + c);
    if (wanted_weight != nullptr) wanted_weight[c] = gradient.grad_weight;
    if (wanted_bias != nullptr) wanted_bias[c] = gradient.grad_bias;
    grad_mean[c] = gradient.grad_mean;
    slope[c] = gradient.slope;
    scale[c] = gradient.scale;
  }
  if (wanted == nullptr) return;
  const auto grad_means = wide.repeated(grad_mean);
  const auto slopes = wide.repeated(slope);
  const auto scales = wide.repeated(scale);
  over_rows(wide, channels, [&](size_t at, size_t some, size_t columns) {
    SPIKESHIP_ON_BEST_ISA(norm_backward(source + at, given + at, some, columns, wide_mean.data(), grad_means.data(), slopes.data(),
                                        scales.data(), wanted + at));
  });
}

}  // namespace spikeship::batch_norm
