// Batch normalisation over [rows, channels]: one pass that sums both moments in double precision, as on the CPU, and one that
// normalises (which a neuron scan may do instead). Sums meet in another order than on the CPU, so mean and variance may differ from its by one unit in the last place.
#include "device_words.h"

#include <type_traits>

#include "../batch_norm_terms.h"
#include "column_reduction.h"
#include "divider.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

// Two sums of each of `width` neighbouring channels.
template <unsigned width>
struct TwoSums {
  double first[width], second[width];
  DEVICE_CODE void merge(const TwoSums& other) {
    for (unsigned k = 0; k < width; k++) {
      first[k] += other.first[k];
      second[k] += other.second[k];
    }
  }
};

// Of x - shift and of its square. The shift is the first row: differences from it keep their digits when the mean is large.
template <class Number, unsigned width>
struct MomentsOf {
  using Partial = TwoSums<width>;
  const Number* x;
  size_t channels;
  DEVICE_CODE Partial start() const { return {}; }
  DEVICE_CODE void add(size_t, size_t row, size_t column, Partial& sums) const {
    const auto values = load<width>(x + row * channels + column * width);
    const auto shift = load<width>(x + column * width);
    for (unsigned k = 0; k < width; k++) {
      const double value = static_cast<double>(widened(values.at[k])) - static_cast<double>(widened(shift.at[k]));
      sums.first[k] += value;
      sums.second[k] += value * value;
    }
  }
};

// Of grad and of grad * (x - mean).
template <class Number, unsigned width>
struct GradMomentsOf {
  using Partial = TwoSums<width>;
  const Number *x, *grad;
  const float* mean;
  size_t channels;
  DEVICE_CODE Partial start() const { return {}; }
  DEVICE_CODE void add(size_t, size_t row, size_t column, Partial& sums) const {
    const size_t at = row * channels + column * width;
    const auto values = load<width>(x + at);
    const auto grads = load<width>(grad + at);
    const auto means = load<width>(mean + column * width);
    for (unsigned k = 0; k < width; k++) {
      const auto g = static_cast<double>(widened(grads.at[k]));
      sums.first[k] += g;
      sums.second[k] += g * (static_cast<double>(widened(values.at[k])) - static_cast<double>(means.at[k]));
    }
  }
};

// The part of an optional array of values per channel.
DEVICE_CODE const float* of_channel(const float* values, size_t channel) { return values == nullptr ? nullptr : values + channel; }

struct AffineOf {
  double epsilon;
  const float *weight, *bias;
  float *scale, *offset;
  DEVICE_CODE void write(size_t channel, NormMoments moments) const {
    const NormAffine affine = norm_affine_of(moments, epsilon, of_channel(weight, channel), of_channel(bias, channel));
    scale[channel] = affine.scale;
    offset[channel] = affine.offset;
  }
};

template <class Number, unsigned width>
struct FinishMoments {
  double rows;
  const Number* x;
  float *mean, *variance;
  AffineOf affine;
  DEVICE_CODE void operator()(size_t column, const TwoSums<width>& sums) const {
    for (unsigned k = 0; k < width; k++) {
      const size_t channel = column * width + k;
      const NormMoments moments = norm_moments_of(sums.first[k], sums.second[k], rows, widened(x[channel]));
      mean[channel] = moments.mean;
      variance[channel] = moments.variance;
      affine.write(channel, moments);
    }
  }
};

struct AffineOfKnown {
  const float *mean, *variance;
  AffineOf affine;
  DEVICE_CODE void operator()(size_t channel) const { affine.write(channel, {mean[channel], variance[channel]}); }
};

template <unsigned width>
struct FinishGradient {
  double rows, epsilon;
  bool training;
  const float *variance, *weight;
  float *grad_weight, *grad_bias, *grad_mean, *slope, *scale;
  DEVICE_CODE void operator()(size_t column, const TwoSums<width>& sums) const {
    for (unsigned k = 0; k < width; k++) {
      const size_t channel = column * width + k;
      const NormGradient gradient = norm_gradient_of(sums.first[k], sums.second[k], rows, training, variance[channel], epsilon,
                                                     of_channel(weight, channel));
      if (grad_weight != nullptr) grad_weight[channel] = gradient.grad_weight;
      if (grad_bias != nullptr) grad_bias[channel] = gradient.grad_bias;
      grad_mean[channel] = gradient.grad_mean;
      slope[channel] = gradient.slope;
      scale[channel] = gradient.scale;
    }
  }
};

struct Affine {
  DEVICE_CODE float operator()(const float (&x)[1], const float (&term)[2]) const { return x[0] * term[0] + term[1]; }
};

// x and grad; mean, mean of grad, slope, scale.
struct GradientOfRow {
  DEVICE_CODE float operator()(const float (&x)[2], const float (&term)[4]) const {
    return (x[1] - term[1] - (x[0] - term[0]) * term[2]) * term[3];
  }
};

// out = element(inputs at the same place, terms of its channel), four neighbours to a thread.
template <class Number, class Element, class Index, unsigned inputs, unsigned terms>
struct EachOfRows {
  const Number* in[inputs];
  const float* term[terms];
  Number* out;
  size_t count;
  Divider<Index> channels;
  bool wide;
  Element element;

  DEVICE_CODE void operator()(size_t quad) const {
    const size_t first = 4 * quad;
    auto row = static_cast<Index>(first);
    const Index channel = split(row, channels);
    if (wide) four(first, channel);
    else some(first, channel);
  }

  DEVICE_CODE void four(size_t first, Index channel) const {
    Pack<Number, 4> given[inputs], made;
    Pack<float, 4> known[terms];
    for (unsigned array = 0; array < inputs; array++) given[array] = load<4>(in[array] + first);
    for (unsigned array = 0; array < terms; array++) known[array] = load<4>(term[array] + channel);
    for (unsigned k = 0; k < 4; k++) {
      float x[inputs], t[terms];
      for (unsigned array = 0; array < inputs; array++) x[array] = widened(given[array].at[k]);
      for (unsigned array = 0; array < terms; array++) t[array] = known[array].at[k];
      narrow(element(x, t), made.at[k]);
    }
    store(out + first, made);
  }

  DEVICE_CODE void some(size_t first, Index channel) const {
    for (size_t i = first; i < count && i < first + 4; i++) {
      float x[inputs], t[terms];
      for (unsigned array = 0; array < inputs; array++) x[array] = widened(in[array][i]);
      for (unsigned array = 0; array < terms; array++) t[array] = term[array][channel];
      narrow(element(x, t), out[i]);
      channel = channel + 1 == channels.divisor ? 0 : channel + 1;
    }
  }
};

template <class Number, class Element, unsigned inputs, unsigned terms>
void over_rows(const BatchNormShape& shape, const Number* const (&in)[inputs], const float* const (&term)[terms], Number* out,
               Element element, const char* what) {
  const size_t count = shape.rows * shape.channels;
  with_index(count, [&](auto index) {
    EachOfRows<Number, Element, decltype(index), inputs, terms> body{{}, {}, out, count, {}, false, element};
    body.channels = Divider<decltype(index)>(shape.channels);
    body.wide = shape.channels % 4 == 0 && aligned_to(4 * sizeof(Number), out);
    for (unsigned array = 0; array < inputs; array++) {
      body.in[array] = in[array];
      body.wide = body.wide && aligned_to(4 * sizeof(Number), in[array]);
    }
    for (unsigned array = 0; array < terms; array++) {
      body.term[array] = term[array];
      body.wide = body.wide && aligned_to(16, term[array]);
    }
    for_each(quads(count), body, what);
  });
}

// Values per channel that live for one call, each beginning where packs of four may be read.
struct TermsOfCall {
  size_t stride;
  Scratch memory;
  TermsOfCall(size_t channels, size_t terms) : stride(quads(channels) * 4), memory(terms * stride * sizeof(float)) {}
  float* operator[](size_t term) const { return memory.as<float>() + term * stride; }
};

// Calls use(width, columns) with the number of channels of a thread.
template <class Use>
void with_width(size_t channels, bool aligned, Use use) {
  if (channels % 4 == 0 && aligned) use(std::integral_constant<unsigned, 4>{}, channels / 4);
  else use(std::integral_constant<unsigned, 1>{}, channels);
}

}  // namespace

void batch_norm_train(const BatchNormShape& shape, const void* x, const float* weight, const float* bias, float* mean, float* variance,
                      float* affine, ActivationType type) {
  const AffineOf affine_of{shape.epsilon, weight, bias, affine, affine + shape.channels};
  with_activation(type, [&](auto stored) {
    using Number = decltype(stored);
    const auto* source = static_cast<const Number*>(x);
    with_width(shape.channels, aligned_to(4 * sizeof(Number), x), [&](auto width, size_t columns) {
      reduce_columns({1, shape.rows, columns}, MomentsOf<Number, width>{source, shape.channels},
                     FinishMoments<Number, width>{static_cast<double>(shape.rows), source, mean, variance, affine_of}, "batchNormTrain");
    });
  });
}

void batch_norm_infer(size_t channels, double epsilon, const float* mean, const float* variance, const float* weight, const float* bias,
                      float* affine) {
  const AffineOf affine_of{epsilon, weight, bias, affine, affine + channels};
  for_each(channels, AffineOfKnown{mean, variance, affine_of}, "batchNormInfer");
}

void channel_affine(size_t rows, size_t channels, const void* x, const float* affine, void* y, ActivationType type) {
  with_activation(type, [&](auto stored) {
    using Number = decltype(stored);
    over_rows<Number>({rows, channels, 0.0}, {static_cast<const Number*>(x)}, {affine, affine + channels}, static_cast<Number*>(y),
                      Affine{}, "channelAffine");
  });
}

void batch_norm_backward(bool training, const BatchNormShape& shape, const void* x, const void* grad_y, const float* mean,
                         const float* variance, const float* weight, void* grad_x, float* grad_weight, float* grad_bias,
                         ActivationType type) {
  const TermsOfCall terms(shape.channels, 3);
  with_activation(type, [&](auto stored) {
    using Number = decltype(stored);
    const auto *source = static_cast<const Number*>(x), *given = static_cast<const Number*>(grad_y);
    constexpr size_t pack = 4 * sizeof(Number);
    const bool aligned = aligned_to(pack, x) && aligned_to(pack, grad_y) && aligned_to(16, mean);
    with_width(shape.channels, aligned, [&](auto width, size_t columns) {
      reduce_columns({1, shape.rows, columns}, GradMomentsOf<Number, width>{source, given, mean, shape.channels},
                     FinishGradient<width>{static_cast<double>(shape.rows), shape.epsilon, training, variance, weight, grad_weight,
                                           grad_bias, terms[0], terms[1], terms[2]},
                     "batchNormBackward");
    });
    if (grad_x == nullptr) return;
    over_rows<Number>(shape, {source, given}, {mean, terms[0], terms[1], terms[2]}, static_cast<Number*>(grad_x), GradientOfRow{},
                      "batchNormBackward");
  });
}

}  // namespace spikeship::device
