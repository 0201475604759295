// Convolutions on CUDA through cuDNN: plans by geometry, made once and kept; memory to work in from our cache; nothing waits for the
// device. What cuDNN refuses, or has no exact and repeatable engine for, is left to conv_lowered.cu.
//
// Weights change with every training step, so they are put into cuDNN's order for every call: one small kernel, recorded with the
// rest. A bias takes another pass over the output: networks with batch norm have none.
#include <algorithm>
#include <map>
#include <optional>

#include "conv_by_library.h"
#include "conv_weights_order.h"
#include "cudnn_convolution.h"
#include "current_device_cuda.h"
#include "dense_options.h"
#include "dense_product.h"
#include "device_runtime.h"
#include "device_words.h"
#include "plan_cache.h"

namespace spikeship::device {
namespace {

using cudnn::Direction;
using MaybePlan = std::optional<cudnn::Plan>;

// Suggestions that are measured where the user asks for that.
constexpr size_t most_measured = 8;

struct Pointers {
  const void *x, *weights, *y;
};

// Null where cuDNN was not found, does not start on this device, or is not wanted.
cudnn::Handle handle() {
  const cudnn::Functions* dnn = cudnn_wanted() ? cudnn::functions() : nullptr;
  if (dnn == nullptr) return nullptr;
  static std::map<int, cudnn::Handle> handles;
  const auto [place, added] = handles.emplace(current_device(), nullptr);
  cudnn::Handle& handle = place->second;
  if (!added) return handle;
  const MayLoad allowed;
  if (dnn->create(&handle) != cudnn::success || dnn->set_stream(handle, stream()) != cudnn::success) handle = nullptr;
  return handle;
}

bool execute(const cudnn::Plan& plan, const Pointers& at) {
  const Scratch workspace(std::max<size_t>(plan.workspace, 1));
  return cudnn::execute(handle(), plan, at.x, at.weights, at.y, workspace.as<void>()) == cudnn::success;
}

// Milliseconds of one run after a first; nothing where it fails.
std::optional<float> milliseconds(const cudnn::Plan& plan, const Pointers& at) {
  cudaEvent_t begin, end;
  check(cudaEventCreate(&begin), "cudaEventCreate");
  check(cudaEventCreate(&end), "cudaEventCreate");
  float taken = 0;
  bool done = execute(plan, at);
  check(cudaEventRecord(begin, stream()), "cudaEventRecord");
  done = done && execute(plan, at);
  check(cudaEventRecord(end, stream()), "cudaEventRecord");
  check(cudaEventSynchronize(end), "cudaEventSynchronize");
  check(cudaEventElapsedTime(&taken, begin, end), "cudaEventElapsedTime");
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return done ? std::optional(taken) : std::nullopt;
}

// Runs each on the caller's arrays, whose result is written anew every time.
MaybePlan fastest(std::vector<cudnn::Plan> plans, const Pointers& at) {
  MaybePlan best;
  float least = 0;
  for (cudnn::Plan& plan : plans) {
    const auto taken = milliseconds(plan, at);
    if (!taken || (best && *taken >= least)) continue;
    least = *taken;
    best = std::move(plan);
  }
  return best;
}

MaybePlan make(Direction direction, const ConvSpec& spec, Precision precision, ActivationType result, const Pointers& at) {
  const MayLoad allowed;
  const bool measured = cudnn_measured() && !capturing();
  try {
    auto plans = cudnn::plans(handle(), cudnn::convolution(direction, spec, precision, result), precision, tf32_wanted(), measured ? most_measured : 1);
    if (measured) return fastest(std::move(plans), at);
    return plans.empty() ? MaybePlan() : MaybePlan(std::move(plans.front()));
  } catch (const cudnn::Refused&) {
    return std::nullopt;
  }
}

PlanKey key(Direction direction, const ConvSpec& spec, Precision precision, ActivationType result) {
  PlanKey key{current_device(), static_cast<int64_t>(direction), static_cast<int64_t>(precision), static_cast<int64_t>(result)};
  for (const size_t size : {spec.axes, spec.batch, spec.in_channels, spec.out_channels, spec.groups}) {
    key.push_back(static_cast<int64_t>(size));
  }
  for (const auto* sizes : {spec.input, spec.kernel, spec.stride, spec.padding, spec.dilation, spec.output}) {
    key.insert(key.end(), sizes, sizes + 3);
  }
  return key;
}

// Every buffer begins so; cuDNN is told that it may rely on it.
bool aligned(const void* data) { return reinterpret_cast<uintptr_t>(data) % cudnn::alignment == 0; }

bool convolve(Direction direction, const ConvSpec& spec, Precision precision, ActivationType result, const Pointers& at) {
  if (handle() == nullptr || !aligned(at.x) || !aligned(at.weights) || !aligned(at.y)) return false;
  // Never destroyed: at the end of a process the driver may be gone before.
  static auto& plans = *new PlanCache<MaybePlan>;
  MaybePlan& plan =
      plans.find(key(direction, spec, precision, result), capturing(), [&] { return make(direction, spec, precision, result, at); });
  // A plan that fails is not tried again.
  if (plan && !execute(*plan, at)) plan.reset();
  return plan.has_value();
}

}  // namespace

bool library_forward(const ConvSpec& spec, Factor x, const float* weight, const float* bias, const Result& y) {
  if (handle() == nullptr) return false;
  const OrderedWeights weights(spec, WeightOrder::outputs_first, x.precision, weight);
  if (!convolve(Direction::forward, spec, x.precision, y.type, {x.data, weights.data(), y.data})) return false;
  if (bias != nullptr) add_to_rows(y, spec.batch * spec.output_points(), spec.out_channels, bias);
  return true;
}

bool library_backward_data(const ConvSpec& spec, Factor grad_y, const float* weight, const Result& grad_x) {
  if (handle() == nullptr) return false;
  const OrderedWeights weights(spec, WeightOrder::outputs_first, grad_y.precision, weight);
  return convolve(Direction::backward_data, spec, grad_y.precision, grad_x.type, {grad_x.data, weights.data(), grad_y.data});
}

bool library_backward_weights(const ConvSpec& spec, Factor x, Factor grad_y, float* grad_weight) {
  if (handle() == nullptr) return false;
  const Scratch sums(weight_count(spec) * sizeof(float));
  if (!convolve(Direction::backward_weights, spec, x.precision, ActivationType::float32, {x.data, sums.as<void>(), grad_y.data})) return false;
  plain_weights(spec, sums.as<float>(), grad_weight);
  return true;
}

}  // namespace spikeship::device
