// Element operations as JavaScript calls them: lengths are checked, broadcasts planned, then the loops run.
#include <algorithm>

#include "elementwise_kernels.h"
#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "float_copies.h"

namespace spikeship::elements {

void fill(Environment& environment, Buffer out, size_t count, double value, ActivationType type) {
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsOut wanted(environment, out, type, count, "fill");
    fill(environment, wanted.floats(), count, value, ActivationType::float32);
    return wanted.write();
  }
  const auto number = static_cast<float>(value);
  if (const DeviceKernels* device = call_device()) return device->fill(out.numbers(count, type, "fill"), count, number, type);
  SPIKESHIP_ON_BEST_ISA(fill(out.floats(count, "fill"), count, number));
}

void unary(Environment&, UnaryOp op, Buffer x, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(unary(op, x.floats(count, "unary x"), out.floats(count, "unary out"), count));
}

void binary(Environment& environment, BinaryOp op, Buffer a, Buffer b, Buffer out, size_t count, ActivationType type) {
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn left(environment, a, type, count, "binary a"), right(environment, b, type, count, "binary b");
    const FloatsOut wanted(environment, out, type, count, "binary out");
    binary(environment, op, left.floats(), right.floats(), wanted.floats(), count, ActivationType::float32);
    return wanted.write();
  }
  const void* left = a.numbers(count, type, "binary a");
  const void* right = b.numbers(count, type, "binary b");
  void* result = out.numbers(count, type, "binary out");
  if (const DeviceKernels* device = call_device()) return device->binary(op, left, right, result, count, type);
  SPIKESHIP_ON_BEST_ISA(binary(op, static_cast<const float*>(left), static_cast<const float*>(right), static_cast<float*>(result), count));
}

void binary_scalar(Environment&, BinaryOp op, Buffer a, double value, bool reversed, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(binary_scalar(op, a.floats(count, "binaryScalar a"), static_cast<float>(value), reversed,
                                      out.floats(count, "binaryScalar out"), count));
}

namespace {

// Elements of an input that a broadcast reaches.
size_t reach(const Sizes& shape, const Sizes& strides) {
  size_t elements = 1;
  for (size_t axis = 0; axis < shape.size(); axis++) elements = sum(elements, product({shape[axis] - 1, strides[axis]}));
  return elements;
}

// Axes of size 1 vanish; neighbours that both inputs step through evenly become one axis.
Broadcast plan_broadcast(const Sizes& shape, const Sizes& a_strides, const Sizes& b_strides) {
  Sizes sizes, a, b;
  for (size_t axis = 0; axis < shape.size(); axis++) {
    if (shape[axis] == 1) continue;
    if (!sizes.empty() && a.back() == a_strides[axis] * shape[axis] && b.back() == b_strides[axis] * shape[axis]) {
      sizes.back() *= shape[axis];
      a.back() = a_strides[axis];
      b.back() = b_strides[axis];
    } else {
      sizes.push_back(shape[axis]);
      a.push_back(a_strides[axis]);
      b.push_back(b_strides[axis]);
    }
  }
  Broadcast plan{};
  plan.axes = sizes.empty() ? 0 : sizes.size() - 1;
  std::copy_n(sizes.begin(), plan.axes, plan.shape);
  std::copy_n(a.begin(), plan.axes, plan.a_stride);
  std::copy_n(b.begin(), plan.axes, plan.b_stride);
  plan.inner = sizes.empty() ? 1 : sizes.back();
  plan.a_inner_stride = sizes.empty() ? 1 : a.back();
  plan.b_inner_stride = sizes.empty() ? 1 : b.back();
  return plan;
}

}  // namespace

void binary_broadcast(Environment&, BinaryOp op, Buffer a, Sizes a_strides, Buffer b, Sizes b_strides, Buffer out, Sizes shape) {
  if (a_strides.size() != shape.size() || b_strides.size() != shape.size() || shape.size() > Broadcast::most_axes) {
    throw Failure{"SHAPE", "binaryBroadcast", "one stride for each of at most 16 axes", std::to_string(shape.size()) + " axes", ""};
  }
  size_t count = 1;
  for (const size_t size : shape) count = product({count, size});
  if (count == 0) return;
  const float* a_data = a.floats(reach(shape, a_strides), "binaryBroadcast a");
  const float* b_data = b.floats(reach(shape, b_strides), "binaryBroadcast b");
  float* out_data = out.floats(count, "binaryBroadcast out");
  SPIKESHIP_ON_DEVICE_OR_ISA(binary_broadcast(op, a_data, b_data, out_data, plan_broadcast(shape, a_strides, b_strides)));
}

void axpy(Environment&, double alpha, Buffer x, Buffer y, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(axpy(static_cast<float>(alpha), x.floats(count, "axpy x"), y.floats(count, "axpy y"), count));
}

void clamp(Environment&, Buffer x, double low, double high, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(clamp(x.floats(count, "clamp x"), static_cast<float>(low), static_cast<float>(high),
                              out.floats(count, "clamp out"), count));
}

void clamp_grad(Environment&, Buffer x, Buffer grad, double low, double high, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(clamp_grad(x.floats(count, "clampGrad x"), grad.floats(count, "clampGrad grad"), static_cast<float>(low),
                                   static_cast<float>(high), out.floats(count, "clampGrad out"), count));
}

}  // namespace spikeship::elements
