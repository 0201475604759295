// Convolutions through oneDNN, forward and the gradient of the input. Activations are channels-last, weights come in PyTorch's
// order; the library picks its own order for them. The gradient of the weights is in conv_weights.cc.
#include <algorithm>
#include <optional>

#include "conv_geometry.h"
#include "device_call.h"
#include "float_copies.h"

namespace spikeship::conv {
namespace {

using dnnl::memory;

DenseOperation make_forward(const dnnl::engine& engine, const ConvSpec& spec, bool bias, memory::data_type factors,
                            memory::data_type result) {
  const Geometry g = geometry(spec, bias, {factors, factors, result});
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

DenseOperation make_backward_data(const dnnl::engine& engine, const ConvSpec& spec, memory::data_type factors,
                                  memory::data_type result) {
  const Geometry g = geometry(spec, false, {result, factors, factors});
  const Geometry planned = geometry(spec, false, all_of(factors));
  const auto hint = dnnl_compat::conv_forward(engine, planned.descriptors, {}, dnnl::prop_kind::forward_training);
  const auto pd = dnnl_compat::conv_backward_data(engine, g.descriptors, dense_attributes(), hint);
  DenseOperation operation;
  operation.primitive = dnnl::convolution_backward_data(pd);
  operation.add(DNNL_ARG_DIFF_SRC, pd.diff_src_desc(), engine);
  operation.add(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), engine);
  operation.add_weights(DNNL_ARG_WEIGHTS, pd.weights_desc(), g.plain_weights, true, engine);
  operation.add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), engine);
  return operation;
}

// How a call goes on where the library reads its activations itself, or they are floats.
class Call {
 public:
  Call(Environment& environment, ActivationType type) : dense_(environment.dense), direct_(type == ActivationType::bfloat16) {
    if (direct_) factors_.emplace(environment, type);
  }
  memory::data_type result() const { return direct_ ? memory::data_type::bf16 : memory::data_type::f32; }
  void* factor(void* numbers, size_t count) const {
    return direct_ ? numbers : dense_.factor(0, static_cast<float*>(numbers), count);
  }
  template <class Make>
  DenseOperation& operation(Kind kind, const ConvSpec& spec, Make make) const {
    auto name = key(kind, spec);
    name.push_back(direct_);
    return dense_.find(std::move(name), make);
  }

 private:
  Dense& dense_;
  bool direct_;
  std::optional<FactorsOf> factors_;
};

}  // namespace

void forward(Environment& environment, ConvSpec spec, Buffer x, Buffer weight, OptionalBuffer bias, Buffer y, ActivationType type) {
  check(spec, "convForward");
  const Counts n = counts(spec);
  if (type != ActivationType::float32 && !read_directly(type, n) && call_device() == nullptr) {
    const FactorsOf factors(environment, type);
    const FloatsIn given(environment, x, type, n.input, "convForward x");
    const FloatsOut wanted(environment, y, type, n.output, "convForward y");
    forward(environment, spec, given.floats(), weight, bias, wanted.floats(), ActivationType::float32);
    return wanted.write();
  }
  void* source = x.numbers(n.input, type, "convForward x");
  float* weights = weight.floats(n.weights, "convForward weight");
  float* offsets = bias.floats(spec.out_channels, "convForward bias");
  void* destination = y.numbers(n.output, type, "convForward y");
  if (n.output == 0) return;
  if (const DeviceKernels* device = call_device()) return device->conv_forward(spec, source, weights, offsets, destination, type);
  if (n.input == 0) {
    // Every window lies in padding alone; the library has no operation on nothing.
    auto* floats = static_cast<float*>(destination);
    for (size_t at = 0; at < n.output; at++) floats[at] = offsets == nullptr ? 0.0f : offsets[at % spec.out_channels];
    return;
  }
  Dense& dense = environment.dense;
  const Call call(environment, type);
  auto& operation = call.operation(bias.present() ? Kind::forward_bias : Kind::forward, spec, [&](const dnnl::engine& engine) {
    return make_forward(engine, spec, bias.present(), dense.factor_type(), call.result());
  });
  operation.set(DNNL_ARG_SRC, call.factor(source, n.input));
  operation.set(DNNL_ARG_WEIGHTS, dense.weights(weights, n.weights));
  if (bias.present()) operation.set(DNNL_ARG_BIAS, offsets);
  operation.set(DNNL_ARG_DST, destination);
  dense.run(operation);
}

void backward_data(Environment& environment, ConvSpec spec, Buffer grad_y, Buffer weight, Buffer grad_x, ActivationType type) {
  check(spec, "convBackwardData");
  const Counts n = counts(spec);
  if (type != ActivationType::float32 && !read_directly(type, n) && call_device() == nullptr) {
    const FactorsOf factors(environment, type);
    const FloatsIn given_floats(environment, grad_y, type, n.output, "convBackwardData gradY");
    const FloatsOut wanted_floats(environment, grad_x, type, n.input, "convBackwardData gradX");
    backward_data(environment, spec, given_floats.floats(), weight, wanted_floats.floats(), ActivationType::float32);
    return wanted_floats.write();
  }
  void* given = grad_y.numbers(n.output, type, "convBackwardData gradY");
  float* weights = weight.floats(n.weights, "convBackwardData weight");
  void* wanted = grad_x.numbers(n.input, type, "convBackwardData gradX");
  if (const DeviceKernels* device = call_device()) {
    if (n.output == 0 || n.input == 0) return device->fill(wanted, n.input, 0.0f, type);
    return device->conv_backward_data(spec, given, weights, wanted, type);
  }
  if (n.output == 0 || n.input == 0) {
    std::fill_n(static_cast<float*>(wanted), n.input, 0.0f);
    return;
  }
  Dense& dense = environment.dense;
  const Call call(environment, type);
  auto& operation = call.operation(Kind::backward_data, spec, [&](const dnnl::engine& engine) {
    return make_backward_data(engine, spec, dense.factor_type(), call.result());
  });
  operation.set(DNNL_ARG_DIFF_DST, call.factor(given, n.output));
  operation.set(DNNL_ARG_WEIGHTS, dense.weights(weights, n.weights));
  operation.set(DNNL_ARG_DIFF_SRC, wanted);
  dense.run(operation);
}

}  // namespace spikeship::conv
