// The gradient of a convolution's weights through oneDNN. The batch is cut into pieces that depend on the shape only; each is computed
// by one thread, and their gradients are added in order. The library's own division of this work would add in an order that depends on
// the number of threads.
#include <omp.h>

#include <algorithm>
#include <atomic>
#include <optional>

#include "conv_geometry.h"
#include "device_call.h"
#include "conv_padding.h"
#include "failure.h"
#include "float_copies.h"
#include "sum_axis.h"

namespace spikeship::conv {
namespace {

using dnnl::memory;

// Enough for the cores of a machine; each costs the writing and adding of one gradient.
constexpr size_t most_pieces = 16;
constexpr size_t most_pieces_of_large_weights = 8;
constexpr size_t large_weights = 65536;

size_t piece_count(size_t batch, size_t weights) {
  return std::min(batch, weights >= large_weights ? most_pieces_of_large_weights : most_pieces);
}

// Primitives are planned for one thread while this lives.
class OneThread {
 public:
  OneThread() : before_(omp_get_max_threads()) { omp_set_num_threads(1); }
  ~OneThread() { omp_set_num_threads(before_); }
  OneThread(const OneThread&) = delete;
  OneThread& operator=(const OneThread&) = delete;

 private:
  int before_;
};

// The best kernel of oneDNN 2.6 for AVX-512 gives wrong sums where more than one window begins in the padding in front of the depth
// axis, unless whole strides fit into it. (Found by comparing 40,000 random shapes with plain loops; no other shape was wrong.)
bool best_kernel_errs(const ConvSpec& spec) {
  return spec.axes == 3 && spec.padding[0] > spec.stride[0] && spec.padding[0] % spec.stride[0] != 0;
}

// Whether the padding has to be written into the input (conv_padding.h).
bool needs_padded_input(const ConvSpec& spec, ActivationType type, memory::data_type factors) {
  const bool bfloat16 = type == ActivationType::bfloat16 || factors == memory::data_type::bf16;
  return padded_beyond_same(spec) || (bfloat16 && padded_below_window(spec));
}

// `order`: of the weights, or null where the library may choose.
DenseOperation make(const dnnl::engine& engine, const ConvSpec& spec, const memory::desc* order, memory::data_type factors) {
  Geometry g = geometry(spec, false, {factors, memory::data_type::f32, factors});
  if (order != nullptr) g.descriptors.weights = *order;
  const Geometry planned = geometry(spec, false, all_of(factors));
  const auto hint = dnnl_compat::conv_forward(engine, planned.descriptors, {}, dnnl::prop_kind::forward_training);
  auto pd = dnnl_compat::conv_backward_weights(engine, g.descriptors, dense_attributes(), hint);
  if (best_kernel_errs(spec)) pd.next_impl();
  DenseOperation operation;
  operation.primitive = dnnl::convolution_backward_weights(pd);
  operation.add(DNNL_ARG_SRC, pd.src_desc(), engine);
  operation.add(DNNL_ARG_DIFF_DST, pd.diff_dst_desc(), engine);
  operation.add_weights(DNNL_ARG_DIFF_WEIGHTS, pd.diff_weights_desc(), g.plain_weights, false, engine);
  operation.add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), engine);
  return operation;
}

size_t bytes_of(const DenseOperation& operation, int argument) {
  const auto found = operation.arguments.find(argument);
  return found == operation.arguments.end() ? 0 : (found->second.get_desc().get_size() + 63) / 64 * 64;
}

// The pieces of one call: the first `larger` have one image more than the others.
struct Pieces {
  size_t count, images, larger;
  DenseOperation* operation;
  DenseOperation* larger_operation;

  Pieces(Environment& environment, ConvSpec spec, size_t weights) {
    const OneThread planned;
    count = piece_count(spec.batch, weights);
    images = spec.batch / count;
    larger = spec.batch % count;
    spec.batch = images;
    operation = &find(environment, spec, nullptr);
    larger_operation = operation;
    if (larger == 0) return;
    const memory::desc order = operation->arguments.at(DNNL_ARG_DIFF_WEIGHTS).get_desc();
    spec.batch = images + 1;
    larger_operation = &find(environment, spec, &order);
  }

  size_t first_image(size_t piece) const { return piece * images + std::min(piece, larger); }
  const DenseOperation& at(size_t piece) const { return piece < larger ? *larger_operation : *operation; }

 private:
  static DenseOperation& find(Environment& environment, const ConvSpec& spec, const memory::desc* order) {
    auto name = key(Kind::backward_weights, spec);
    name.push_back(order != nullptr);
    return environment.dense.find(std::move(name), [&](const dnnl::engine& engine) { return make(engine, spec, order, environment.dense.factor_type()); });
  }
};

// Runs one piece on memory of its own: several threads run the same operation.
void run_piece(const DenseOperation& operation, void* source, void* given, void* wanted, void* scratchpad) {
  std::unordered_map<int, memory> arguments;
  for (const auto& [argument, shared] : operation.arguments) {
    void* data = argument == DNNL_ARG_SRC ? source : argument == DNNL_ARG_DIFF_DST ? given : wanted;
    if (argument == DNNL_ARG_SCRATCHPAD) data = scratchpad;
    arguments.emplace(argument, memory(shared.get_desc(), shared.get_engine(), data));
  }
  dnnl::stream stream(arguments.at(DNNL_ARG_SRC).get_engine());
  operation.primitive.execute(stream, arguments);
  stream.wait();
}

// The gradient in the library's order.
float* sum_of_pieces(Environment& environment, const ConvSpec& spec, const Pieces& pieces, void* source, void* given) {
  const size_t weights = bytes_of(*pieces.operation, DNNL_ARG_DIFF_WEIGHTS);
  const size_t scratchpad = std::max(bytes_of(*pieces.operation, DNNL_ARG_SCRATCHPAD),
                                     bytes_of(*pieces.larger_operation, DNNL_ARG_SCRATCHPAD));
  const auto threads = static_cast<size_t>(omp_get_max_threads());
  auto* memory = static_cast<char*>(environment.pieces.bytes((pieces.count + 1) * weights + threads * scratchpad));
  char* partials = memory + weights;
  char* scratchpads = partials + pieces.count * weights;
  const size_t input = spec.input_points() * spec.in_channels * environment.dense.factor_bytes();
  const size_t output = spec.output_points() * spec.out_channels * environment.dense.factor_bytes();
  std::atomic<dnnl_status_t> failure{dnnl_success};

#pragma omp parallel for schedule(static) if (pieces.count > 1)
  for (size_t piece = 0; piece < pieces.count; piece++) {
    const size_t image = pieces.first_image(piece);
    try {
      run_piece(pieces.at(piece), static_cast<char*>(source) + image * input, static_cast<char*>(given) + image * output, partials + piece * weights,
                scratchpads + static_cast<size_t>(omp_get_thread_num()) * scratchpad);
    } catch (const dnnl::error& error) {
      failure = error.status;
    }
  }
  if (failure != dnnl_success) throw dnnl::error(failure, "could not compute the gradient of the weights");
  auto* total = reinterpret_cast<float*>(memory);
  if (pieces.count == 1) return reinterpret_cast<float*>(partials);
  sum_axis(environment, reinterpret_cast<const float*>(partials), 1, pieces.count, weights / sizeof(float), 1.0, total);
  return total;
}

}  // namespace

void backward_weights(Environment& environment, ConvSpec spec, Buffer x, Buffer grad_y, Buffer grad_weight, OptionalBuffer grad_bias,
                      ActivationType type) {
  check(spec, "convBackwardWeights");
  const Counts n = counts(spec);
  const bool pads = needs_padded_input(spec, type, environment.dense.factor_type());
  const bool direct = read_directly(type, n) && !pads;
  if (type != ActivationType::float32 && !direct && call_device() == nullptr) {
    const FactorsOf factors(environment, type);
    const FloatsIn x_floats(environment, x, type, n.input, "convBackwardWeights x");
    const FloatsIn grad_floats(environment, grad_y, type, n.output, "convBackwardWeights gradY");
    return backward_weights(environment, spec, x_floats.floats(), grad_floats.floats(), grad_weight, grad_bias, ActivationType::float32);
  }
  void* source = x.numbers(n.input, type, "convBackwardWeights x");
  void* given = grad_y.numbers(n.output, type, "convBackwardWeights gradY");
  float* wanted = grad_weight.floats(n.weights, "convBackwardWeights gradWeight");
  if (const DeviceKernels* device = call_device()) {
    float* bias = grad_bias.floats(spec.out_channels, "convBackwardWeights gradBias");
    return device->conv_backward_weights(spec, source, given, wanted, bias, type);
  }
  if (float* bias = grad_bias.floats(spec.out_channels, "convBackwardWeights gradBias")) {
    const size_t rows = product({spec.batch, spec.output_points()});
    const FloatsIn floats(environment, grad_y, type, n.output, "convBackwardWeights gradY");
    sum_axis(environment, floats.floats().floats(n.output, "convBackwardWeights gradY"), 1, rows, spec.out_channels, 1.0, bias);
  }
  if (n.output == 0 || n.input == 0) {
    std::fill_n(wanted, n.weights, 0.0f);
    return;
  }
  if (pads) {
    const ConvSpec padded = with_padded_input(spec);
    auto* input = static_cast<float*>(environment.partials.bytes(product({counts(padded).input, sizeof(float)})));
    pad_input(spec, padded, static_cast<float*>(source), input);
    spec = padded;
    source = input;
  }
  std::optional<FactorsOf> factors;
  if (direct) {
    factors.emplace(environment, type);
  } else {
    source = environment.dense.factor(0, static_cast<float*>(source), counts(spec).input);
    given = environment.dense.factor(1, static_cast<float*>(given), n.output);
  }
  const Pieces pieces(environment, spec, n.weights);
  float* sum = sum_of_pieces(environment, spec, pieces, source, given);
  environment.dense.reorder_out(*pieces.operation, sum, wanted, n.weights);
}

}  // namespace spikeship::conv
