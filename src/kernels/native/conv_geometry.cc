// Shapes of convolutions for the library.
#include "conv_geometry.h"

#include "failure.h"

namespace spikeship::conv {

using dnnl::memory;
using Tag = memory::format_tag;

namespace {

// Sizes of the spatial axes for the library: two (D is 1) or three.
memory::dims spatial(const ConvSpec& spec, const size_t* sizes) { return {sizes + (spec.axes == 3 ? 0 : 1), sizes + 3}; }

memory::dims with_front(memory::dims front, const memory::dims& rest) {
  front.insert(front.end(), rest.begin(), rest.end());
  return front;
}

}  // namespace

Counts counts(const ConvSpec& spec) {
  return {product({spec.batch, spec.input_points(), spec.in_channels}), product({spec.batch, spec.output_points(), spec.out_channels}),
          product({spec.out_channels, spec.in_channels / spec.groups, spec.kernel_points()})};
}

void check(const ConvSpec& spec, const char* where) {
  if (spec.groups == 0 || spec.in_channels % spec.groups != 0 || spec.out_channels % spec.groups != 0) {
    throw Failure{"SHAPE", where, "channels that divide into " + std::to_string(spec.groups) + " groups",
                  std::to_string(spec.in_channels) + " in and " + std::to_string(spec.out_channels) + " out", ""};
  }
  for (size_t axis = 0; axis < 3; axis++) {
    if (spec.kernel[axis] == 0 || spec.stride[axis] == 0 || spec.dilation[axis] == 0) {
      throw Failure{"SHAPE", where, "kernel, stride and dilation of at least 1",
                    std::to_string(spec.kernel[axis]) + ", " + std::to_string(spec.stride[axis]) + " and " +
                        std::to_string(spec.dilation[axis]),
                    ""};
    }
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

Types all_of(memory::data_type type) { return {type, type, type}; }

Geometry geometry(const ConvSpec& spec, bool bias, Types types) {
  const auto data = memory::data_type::f32;
  const bool three = spec.axes == 3;
  const Tag activations = three ? Tag::ndhwc : Tag::nhwc;
  const auto batch = static_cast<int64_t>(spec.batch);
  const auto in = static_cast<int64_t>(spec.in_channels);
  const auto out = static_cast<int64_t>(spec.out_channels);
  const auto groups = static_cast<int64_t>(spec.groups);

  Geometry result;
  auto& d = result.descriptors;
  d.source = {with_front({batch, in}, spatial(spec, spec.input)), types.source, activations};
  d.destination = {with_front({batch, out}, spatial(spec, spec.output)), types.destination, activations};
  if (bias) d.bias = {{out}, data, Tag::x};
  const memory::dims front = groups == 1 ? memory::dims{out, in} : memory::dims{groups, out / groups, in / groups};
  const memory::dims weights = with_front(front, spatial(spec, spec.kernel));
  d.weights = {weights, types.weights, Tag::any};
  const Tag plain = groups == 1 ? (three ? Tag::oidhw : Tag::oihw) : (three ? Tag::goidhw : Tag::goihw);
  result.plain_weights = {weights, data, plain};

  d.strides = spatial(spec, spec.stride);
  d.padding_before = spatial(spec, spec.padding);
  for (size_t axis = three ? 0 : 1; axis < 3; axis++) {
    d.dilations.push_back(static_cast<int64_t>(spec.dilation[axis]) - 1);
    d.padding_after.push_back(spec.padding_after(axis));
  }
  return result;
}

}  // namespace spikeship::conv
