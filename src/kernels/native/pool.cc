// Pooling as JavaScript calls it: lengths are checked, the links between input and output laid out, then the loops run.
#include <algorithm>
#include <limits>

#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "float_copies.h"
#include "pool_kernels.h"

namespace spikeship::pool {
namespace {

// Links of one axis in both directions, and the size of each output position's window with padding counted or not.
struct Axis {
  std::vector<uint32_t> forward_first{0}, forward_position, forward_tap;
  std::vector<uint32_t> backward_first{0}, backward_position, backward_tap;
  std::vector<uint32_t> window;

  AxisLinks forward() const { return {forward_first.data(), forward_position.data(), forward_tap.data()}; }
  AxisLinks backward() const { return {backward_first.data(), backward_position.data(), backward_tap.data()}; }
};

Axis lay_out(const PoolSpec& spec, size_t axis) {
  const size_t input = spec.input[axis];
  const size_t padding = spec.padding[axis];
  Axis links;
  struct Link {
    uint32_t input, output, tap;
  };
  std::vector<Link> all;
  for (size_t output = 0; output < spec.output[axis]; output++) {
    uint32_t inside = 0;
    uint32_t padded = 0;
    for (size_t tap = 0; tap < spec.kernel[axis]; tap++) {
      const size_t position = output * spec.stride[axis] + tap * spec.dilation[axis];
      // A window may hang over the padding (ceil mode); what lies beyond is not counted in any average, as in PyTorch.
      if (position < input + 2 * padding) padded++;
      if (position < padding || position >= padding + input) continue;
      inside++;
      all.push_back({static_cast<uint32_t>(position - padding), static_cast<uint32_t>(output), static_cast<uint32_t>(tap)});
      links.forward_position.push_back(all.back().input);
      links.forward_tap.push_back(all.back().tap);
    }
    links.forward_first.push_back(static_cast<uint32_t>(all.size()));
    links.window.push_back(spec.count_include_pad ? padded : inside);
  }
  // Stable: for one input position outputs stay in rising order.
  std::stable_sort(all.begin(), all.end(), [](const Link& a, const Link& b) { return a.input < b.input; });
  size_t at = 0;
  for (size_t position = 0; position < input; position++) {
    for (; at < all.size() && all[at].input == position; at++) {
      links.backward_position.push_back(all[at].output);
      links.backward_tap.push_back(all[at].tap);
    }
    links.backward_first.push_back(static_cast<uint32_t>(at));
  }
  return links;
}

struct Layout {
  Axis axes[3];
  explicit Layout(const PoolSpec& spec) : axes{lay_out(spec, 0), lay_out(spec, 1), lay_out(spec, 2)} {}

  PoolPlan plan(PoolOp op, const PoolSpec& spec, bool forward) const {
    PoolPlan plan{};
    plan.batch = spec.batch;
    plan.channels = spec.channels;
    plan.divisor = op == PoolOp::avg ? spec.divisor : 0;
    for (size_t axis = 0; axis < 3; axis++) {
      plan.source[axis] = forward ? spec.input[axis] : spec.output[axis];
      plan.result[axis] = forward ? spec.output[axis] : spec.input[axis];
      plan.kernel[axis] = spec.kernel[axis];
      plan.links[axis] = forward ? axes[axis].forward() : axes[axis].backward();
      plan.window[axis] = op == PoolOp::avg ? axes[axis].window.data() : nullptr;
    }
    return plan;
  }
};

void check(const PoolSpec& spec, const char* where) {
  for (size_t axis = 0; axis < 3; axis++) {
    const size_t reach = product({spec.output[axis] + spec.input[axis], spec.kernel[axis]});
    if (spec.stride[axis] == 0 || spec.dilation[axis] == 0 || reach > std::numeric_limits<int32_t>::max()) {
      throw Failure{"SHAPE", where, "strides and dilations of at least 1 and axes of sensible size",
                    "stride " + std::to_string(spec.stride[axis]) + ", dilation " + std::to_string(spec.dilation[axis]), ""};
    }
  }
}

size_t inputs(const PoolSpec& spec) { return product({spec.batch, spec.input_points(), spec.channels}); }
size_t outputs(const PoolSpec& spec) { return product({spec.batch, spec.output_points(), spec.channels}); }

}  // namespace

void forward(Environment& environment, PoolOp op, PoolSpec spec, Buffer x, Buffer y, OptionalBuffer indices, ActivationType type) {
  check(spec, "poolForward");
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn given(environment, x, type, inputs(spec), "poolForward x");
    const FloatsOut wanted(environment, y, type, outputs(spec), "poolForward y");
    forward(environment, op, spec, given.floats(), wanted.floats(), indices, ActivationType::float32);
    return wanted.write();
  }
  const auto* source = static_cast<const float*>(x.numbers(inputs(spec), type, "poolForward x"));
  auto* result = static_cast<float*>(y.numbers(outputs(spec), type, "poolForward y"));
  int32_t* winners = indices.present() ? indices.as<int32_t>(outputs(spec), "poolForward indices") : nullptr;
  if (const DeviceKernels* device = call_device()) return device->pool_forward(op, spec, source, result, winners, type);
  const Layout layout(spec);
  const PoolPlan plan = layout.plan(op, spec, true);
  if (op == PoolOp::max) SPIKESHIP_ON_BEST_ISA(pool_max(plan, source, result, winners));
  else SPIKESHIP_ON_BEST_ISA(pool_sum(plan, source, result));
}

void backward(Environment& environment, PoolOp op, PoolSpec spec, Buffer grad_y, OptionalBuffer indices, Buffer grad_x,
              ActivationType type) {
  check(spec, "poolBackward");
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn given_floats(environment, grad_y, type, outputs(spec), "poolBackward gradY");
    const FloatsOut wanted_floats(environment, grad_x, type, inputs(spec), "poolBackward gradX");
    backward(environment, op, spec, given_floats.floats(), indices, wanted_floats.floats(), ActivationType::float32);
    return wanted_floats.write();
  }
  const auto* given = static_cast<const float*>(grad_y.numbers(outputs(spec), type, "poolBackward gradY"));
  auto* wanted = static_cast<float*>(grad_x.numbers(inputs(spec), type, "poolBackward gradX"));
  if (op == PoolOp::max && !indices.present()) {
    throw Failure{"NATIVE", "poolBackward", "the indices that the forward pass wrote", "none", ""};
  }
  const int32_t* winners = op == PoolOp::max ? indices.as<int32_t>(outputs(spec), "poolBackward indices") : nullptr;
  if (const DeviceKernels* device = call_device()) return device->pool_backward(op, spec, given, winners, wanted, type);
  const Layout layout(spec);
  const PoolPlan plan = layout.plan(op, spec, false);
  if (op != PoolOp::max) return SPIKESHIP_ON_BEST_ISA(pool_sum_backward(plan, given, wanted));
  SPIKESHIP_ON_BEST_ISA(pool_max_backward(plan, given, winners, wanted));
}

}  // namespace spikeship::pool
