// oneDNN 2.x and 3.x differ in how a primitive descriptor is made: every such difference lives here.
#pragma once

#include <dnnl.hpp>

namespace spikeship::dnnl_compat {

// Geometry and memory descriptors of a convolution. `bias` is a zero descriptor where there is none.
struct ConvDescriptors {
  dnnl::memory::desc source, weights, bias, destination;
  dnnl::memory::dims strides, dilations, padding_before, padding_after;
};

using ForwardDescriptor = dnnl::convolution_forward::primitive_desc;
using BackwardDataDescriptor = dnnl::convolution_backward_data::primitive_desc;
using BackwardWeightsDescriptor = dnnl::convolution_backward_weights::primitive_desc;

inline bool absent(const dnnl::memory::desc& desc) { return desc.get_size() == 0; }

#if DNNL_VERSION_MAJOR >= 3

inline ForwardDescriptor conv_forward(const dnnl::engine& engine, const ConvDescriptors& d, const dnnl::primitive_attr& attr,
                                      dnnl::prop_kind kind) {
  const auto algorithm = dnnl::algorithm::convolution_direct;
  if (absent(d.bias)) {
    return {engine, kind, algorithm, d.source, d.weights, d.destination, d.strides, d.dilations, d.padding_before,
            d.padding_after, attr};
  }
  return {engine, kind, algorithm, d.source, d.weights, d.bias, d.destination, d.strides, d.dilations, d.padding_before,
          d.padding_after, attr};
}

inline BackwardDataDescriptor conv_backward_data(const dnnl::engine& engine, const ConvDescriptors& d,
                                                 const dnnl::primitive_attr& attr, const ForwardDescriptor& hint) {
  return {engine, dnnl::algorithm::convolution_direct, d.source, d.weights, d.destination, d.strides, d.dilations,
          d.padding_before, d.padding_after, hint, attr};
}

inline BackwardWeightsDescriptor conv_backward_weights(const dnnl::engine& engine, const ConvDescriptors& d,
                                                       const dnnl::primitive_attr& attr, const ForwardDescriptor& hint) {
  return {engine, dnnl::algorithm::convolution_direct, d.source, d.weights, d.destination, d.strides, d.dilations,
          d.padding_before, d.padding_after, hint, attr};
}

inline dnnl::matmul::primitive_desc matmul(const dnnl::engine& engine, const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                           const dnnl::memory::desc& bias, const dnnl::memory::desc& c,
                                           const dnnl::primitive_attr& attr) {
  if (absent(bias)) return {engine, a, b, c, attr};
  return {engine, a, b, bias, c, attr};
}

#else

inline ForwardDescriptor conv_forward(const dnnl::engine& engine, const ConvDescriptors& d, const dnnl::primitive_attr& attr,
                                      dnnl::prop_kind kind) {
  using Operation = dnnl::convolution_forward::desc;
  const auto algorithm = dnnl::algorithm::convolution_direct;
  const auto operation =
      absent(d.bias) ? Operation(kind, algorithm, d.source, d.weights, d.destination, d.strides, d.dilations,
                                 d.padding_before, d.padding_after)
                     : Operation(kind, algorithm, d.source, d.weights, d.bias, d.destination, d.strides, d.dilations,
                                 d.padding_before, d.padding_after);
  return {operation, attr, engine};
}

inline BackwardDataDescriptor conv_backward_data(const dnnl::engine& engine, const ConvDescriptors& d,
                                                 const dnnl::primitive_attr& attr, const ForwardDescriptor& hint) {
  const dnnl::convolution_backward_data::desc operation(dnnl::algorithm::convolution_direct, d.source, d.weights,
                                                        d.destination, d.strides, d.dilations, d.padding_before,
                                                        d.padding_after);
  return {operation, attr, engine, hint};
}

inline BackwardWeightsDescriptor conv_backward_weights(const dnnl::engine& engine, const ConvDescriptors& d,
                                                       const dnnl::primitive_attr& attr, const ForwardDescriptor& hint) {
  const dnnl::convolution_backward_weights::desc operation(dnnl::algorithm::convolution_direct, d.source, d.weights,
                                                           d.destination, d.strides, d.dilations, d.padding_before,
                                                           d.padding_after);
  return {operation, attr, engine, hint};
}

inline dnnl::matmul::primitive_desc matmul(const dnnl::engine& engine, const dnnl::memory::desc& a, const dnnl::memory::desc& b,
                                           const dnnl::memory::desc& bias, const dnnl::memory::desc& c,
                                           const dnnl::primitive_attr& attr) {
  using Operation = dnnl::matmul::desc;
  return {absent(bias) ? Operation(a, b, c) : Operation(a, b, bias, c), attr, engine};
}

#endif

}  // namespace spikeship::dnnl_compat
