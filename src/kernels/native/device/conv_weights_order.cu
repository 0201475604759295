// Orders of a convolution's weights.
#include "conv_weights_order.h"

#include "factor_types.h"
#include "dense_product.h"
#include "divider.h"

namespace spikeship::device {
namespace {

using Index = uint32_t;

template <class To>
struct OutputsFirst {
  Divider<Index> inputs, points;
  const float* weight;
  To* out;
  DEVICE_CODE void operator()(size_t i) const {
    auto output = static_cast<Index>(i);
    const Index input = split(output, inputs), point = split(output, points);
    narrow(weight[(output * inputs.divisor + input) * points.divisor + point], out[i]);
  }
};

template <class To>
struct KernelFirst {
  Divider<Index> inputs, outputs, points;
  const float* weight;
  To* out;
  DEVICE_CODE void operator()(size_t i) const {
    auto group = static_cast<Index>(i);
    const Index input = split(group, inputs), output = split(group, outputs), point = split(group, points);
    narrow(weight[((group * outputs.divisor + output) * inputs.divisor + input) * points.divisor + point], out[i]);
  }
};

struct Plain {
  Divider<Index> inputs, points;
  const float* ordered;
  float* weight;
  DEVICE_CODE void operator()(size_t i) const {
    auto output = static_cast<Index>(i);
    const Index point = split(output, points), input = split(output, inputs);
    weight[i] = ordered[(output * points.divisor + point) * inputs.divisor + input];
  }
};

template <class To>
void order_as(const ConvSpec& spec, WeightOrder order, const float* weight, To* out) {
  const Divider<Index> inputs(spec.in_channels / spec.groups), points(spec.kernel_points());
  if (order == WeightOrder::outputs_first) {
    for_each(weight_count(spec), OutputsFirst<To>{inputs, points, weight, out}, "order of weights");
  } else {
    const Divider<Index> outputs(spec.out_channels / spec.groups);
    for_each(weight_count(spec), KernelFirst<To>{inputs, outputs, points, weight, out}, "order of weights");
  }
}

}  // namespace

size_t weight_count(const ConvSpec& spec) { return spec.out_channels * (spec.in_channels / spec.groups) * spec.kernel_points(); }

OrderedWeights::OrderedWeights(const ConvSpec& spec, WeightOrder order, Precision precision, const float* weight)
    : memory_(weight_count(spec) * number_bytes(precision)) {
  with_factor(precision, [&](auto factor) { order_as(spec, order, weight, memory_.as<decltype(factor)>()); });
}

void plain_weights(const ConvSpec& spec, const float* ordered, float* weight) {
  for_each(weight_count(spec), Plain{Divider<Index>(spec.in_channels / spec.groups), Divider<Index>(spec.kernel_points()), ordered, weight}, "order of weights");
}

}  // namespace spikeship::device
