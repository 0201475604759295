// Convolutions through oneDNN. Activations are channels-last, weights come and gradients go in PyTorch's order; the library
// picks its own order for the weights in between.
#include <algorithm>

#include "dnnl_compat.h"
#include "entries.h"
#include "failure.h"
#include "sum_axis.h"

namespace spikeship::conv {
namespace {

using dnnl::memory;
using Tag = memory::format_tag;

enum class Kind : int64_t { forward = 1, forward_bias, backward_data, backward_weights };

struct Counts {
  size_t input, output, weights;
};

Counts counts(const ConvSpec& spec) {
  return {product({spec.batch, spec.input_points(), spec.in_channels}), product({spec.batch, spec.output_points(), spec.out_channels}),
          product({spec.out_channels, spec.in_channels / spec.groups, spec.kernel_points()})};
}

void check(const ConvSpec& spec, const char* where) {
  if (spec.groups == 0 || spec.in_channels % spec.groups != 0 || spec.out_channels % spec.groups != 0) {
    throw Failure{"SHAPE", where, "channels that divide into " + std::to_string(spec.groups) + " groups",
                  std::to_string(spec.in_channels) + " in and " + std::to_string(spec.out_channels) + " out", ""};
  }
}

Dense::Key key(Kind kind, const ConvSpec& spec) {
  Dense::Key key{static_cast<int64_t>(kind)};
  for (const size_t size : {spec.batch, spec.in_channels, spec.out_channels, spec.groups, spec.axes}) {
    key.push_back(static_cast<int64_t>(size));
  }
  for (const auto* sizes : {spec.input, spec.kernel, spec.stride, spec.padding, spec.dilation, spec.output}) {
    key.insert(key.end(), sizes, sizes + 3);
  }
  return key;
}

// Sizes of the spatial axes for the library: two (D is 1) or three.
memory::dims spatial(const ConvSpec& spec, const size_t* sizes) { return {sizes + (spec.axes == 3 ? 0 : 1), sizes + 3}; }

memory::dims with_front(memory::dims front, const memory::dims& rest) {
  front.insert(front.end(), rest.begin(), rest.end());
  return front;
}

// Padding behind the input. As much as in front where that gives the wanted output size, else what the last window needs.
int64_t padding_after(int64_t input, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation, int64_t output) {
  const int64_t span = (kernel - 1) * dilation + 1;
  const int64_t symmetric = input + 2 * padding - span;
  if (symmetric >= 0 && stride > 0 && symmetric / stride + 1 == output) return padding;
  return (output - 1) * stride + span - input - padding;
}

struct Geometry {
  dnnl_compat::ConvDescriptors descriptors;  // weights in any order
  memory::desc plain_weights;
};

Geometry geometry(const ConvSpec& spec, bool bias) {
  const auto data = memory::data_type::f32;
  const bool three = spec.axes == 3;
  const Tag activations = three ? Tag::ndhwc : Tag::nhwc;
  const auto batch = static_cast<int64_t>(spec.batch);
  const auto in = static_cast<int64_t>(spec.in_channels);
  const auto out = static_cast<int64_t>(spec.out_channels);
  const auto groups = static_cast<int64_t>(spec.groups);

  Geometry result;
  auto& d = result.descriptors;
  d.source = {with_front({batch, in}, spatial(spec, spec.input)), data, activations};
  d.destination = {with_front({batch, out}, spatial(spec, spec.output)), data, activations};
  if (bias) d.bias = {{out}, data, Tag::x};
  const memory::dims front = groups == 1 ? memory::dims{out, in} : memory::dims{groups, out / groups, in / groups};
  const memory::dims weights = with_front(front, spatial(spec, spec.kernel));
  d.weights = {weights, data, Tag::any};
  const Tag plain = groups == 1 ? (three ? Tag::oidhw : Tag::oihw) : (three ? Tag::goidhw : Tag::goihw);
  result.plain_weights = {weights, data, plain};

  d.strides = spatial(spec, spec.stride);
  d.padding_before = spatial(spec, spec.padding);
  for (size_t axis = three ? 0 : 1; axis < 3; axis++) {
    d.dilations.push_back(static_cast<int64_t>(spec.dilation[axis]) - 1);
    d.padding_after.push_back(padding_after(static_cast<int64_t>(spec.input[axis]), static_cast<int64_t>(spec.kernel[axis]),
                                            static_cast<int64_t>(spec.stride[axis]), static_cast<int64_t>(spec.padding[axis]),
                                            static_cast<int64_t>(spec.dilation[axis]), static_cast<int64_t>(spec.output[axis])));
  }
  return result;
}

DenseOperation make_forward(const dnnl::engine& engine, const ConvSpec& spec, bool bias) {
  const Geometry g = geometry(spec, bias);
  const auto pd = dnnl_compat::conv_forward(engine, g.descriptors, dense_attributes(), dnnl::prop_kind::forward_inference);
  DenseOperation operation;
  operation.primitive = dnnl::convolution_forward(pd);
  operation.add(DNNL_ARG_SRC, pd.src_desc(), engine);
  operation.add(DNNL_ARG_DST, pd.dst_desc(), engine);
  if (bias) operation.add(DNNL_ARG_BIAS, pd.bias_desc(), engine);
  operation.add_weights(DNNL_ARG_WEIGHTS, pd.weights_desc(), g.plain_weights, true, engine);
  operation.add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), engine);
  return operation;
}

DenseOperation make_backward_data(const dnnl::engine& engine, const ConvSpec& spec) {
  const Geometry g = geometry(spec, false);
  const auto hint = dnnl_compat::conv_forward(engine, g.descriptors, {}, dnnl::prop_kind::forward_training);
  const auto pd = dnnl_compat::conv_backward_data(engine, g.descriptors, dense_attributes(), hint);
  DenseOperation operation;
  operation.primitive = dnnl::convolution_backward_data(pd);
  operation.add(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), engine);
  operation.add(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), engine);
  operation.add_weights(DNNL_ARG_WEIGHTS, pd.weights_desc(), g.plain_weights, true, engine);
  operation.add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), engine);
  return operation;
}

DenseOperation make_backward_weights(const dnnl::engine& engine, const ConvSpec& spec) {
  const Geometry g = geometry(spec, false);
  const auto hint = dnnl_compat::conv_forward(engine, g.descriptors, {}, dnnl::prop_kind::forward_training);
  const auto pd = dnnl_compat::conv_backward_weights(engine, g.descriptors, dense_attributes(), hint);
  DenseOperation operation;
  operation.primitive = dnnl::convolution_backward_weights(pd);
  operation.add(DNNL_ARG_SRC, pd.src_desc(), engine);
  operation.add(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), engine);
  operation.add_weights(DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), g.plain_weights, false, engine);
  operation.add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), engine);
  return operation;
}

}  // namespace

void forward(Environment& environment, ConvSpec spec, Buffer x, Buffer weight, OptionalBuffer bias, Buffer y) {
  check(spec, "convForward");
  const Counts n = counts(spec);
  float* source = x.floats(n.input, "convForward x");
  float* weights = weight.floats(n.weights, "convForward weight");
  float* offsets = bias.floats(spec.out_channels, "convForward bias");
  float* destination = y.floats(n.output, "convForward y");
  if (n.output == 0) return;
  auto& operation = environment.dense.find(key(bias.present() ? Kind::forward_bias : Kind::forward, spec),
                                           [&](const dnnl::engine& engine) { return make_forward(engine, spec, bias.present()); });
  operation.set(DNNL_ARG_SRC, source);
  operation.set(DNNL_ARG_WEIGHTS, weights);
  if (bias.present()) operation.set(DNNL_ARG_BIAS, offsets);
  operation.set(DNNL_ARG_DST, destination);
  environment.dense.run(operation);
}

void backward_data(Environment& environment, ConvSpec spec, Buffer grad_y, Buffer weight, Buffer grad_x) {
  check(spec, "convBackwardData");
  const Counts n = counts(spec);
  float* given = grad_y.floats(n.output, "convBackwardData gradY");
  float* weights = weight.floats(n.weights, "convBackwardData weight");
  float* wanted = grad_x.floats(n.input, "convBackwardData gradX");
  if (n.output == 0 || n.input == 0) {
    std::fill_n(wanted, n.input, 0.0f);
    return;
  }
  auto& operation = environment.dense.find(key(Kind::backward_data, spec),
                                           [&](const dnnl::engine& engine) { return make_backward_data(engine, spec); });
  operation.set(DNNL_ARG_DIFF_DST, given);
  operation.set(DNNL_ARG_WEIGHTS, weights);
  operation.set(DNNL_ARG_DIFF_SRC, wanted);
  environment.dense.run(operation);
}

void backward_weights(Environment& environment, ConvSpec spec, Buffer x, Buffer grad_y, Buffer grad_weight, OptionalBuffer grad_bias) {
  check(spec, "convBackwardWeights");
  const Counts n = counts(spec);
  float* source = x.floats(n.input, "convBackwardWeights x");
  float* given = grad_y.floats(n.output, "convBackwardWeights gradY");
  float* wanted = grad_weight.floats(n.weights, "convBackwardWeights gradWeight");
  if (float* bias = grad_bias.floats(spec.out_channels, "convBackwardWeights gradBias")) {
    sum_axis(environment, given, 1, product({spec.batch, spec.output_points()}), spec.out_channels, 1.0, bias);
  }
  if (n.output == 0 || n.input == 0) {
    std::fill_n(wanted, n.weights, 0.0f);
    return;
  }
  auto& operation = environment.dense.find(key(Kind::backward_weights, spec),
                                           [&](const dnnl::engine& engine) { return make_backward_weights(engine, spec); });
  operation.set(DNNL_ARG_SRC, source);
  operation.set(DNNL_ARG_DIFF_DST, given);
  operation.set(DNNL_ARG_DIFF_WEIGHTS, wanted);
  environment.dense.run(operation);
}

}  // namespace spikeship::conv
