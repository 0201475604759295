// Operations element by element: the CPU's functions of one element (element_ops.h), one thread for each.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../element_ops.h"
#include "kernels.h"

namespace spikeship::device {
namespace {

struct Fill {
  float* out;
  float value;
  DEVICE_CODE void operator()(size_t i) const { out[i] = value; }
};

template <class Op>
struct Unary {
  const float* x;
  float* out;
  DEVICE_CODE void operator()(size_t i) const { out[i] = Op::apply(x[i]); }
};

template <class Op>
struct Binary {
  const float *a, *b;
  float* out;
  DEVICE_CODE void operator()(size_t i) const { out[i] = Op::apply(a[i], b[i]); }
};

template <class Op>
struct WithNumber {
  const float* a;
  float value;
  bool reversed;
  float* out;
  DEVICE_CODE void operator()(size_t i) const { out[i] = reversed ? Op::apply(value, a[i]) : Op::apply(a[i], value); }
};

template <class Op>
struct WithBroadcast {
  const float *a, *b;
  float* out;
  Broadcast plan;
  DEVICE_CODE void operator()(size_t i) const {
    size_t rest = i / plan.inner;
    size_t at_a = i % plan.inner * plan.a_inner_stride;
    size_t at_b = i % plan.inner * plan.b_inner_stride;
    for (size_t axis = plan.axes; axis-- > 0;) {
      const size_t position = rest % plan.shape[axis];
      rest /= plan.shape[axis];
      at_a += position * plan.a_stride[axis];
      at_b += position * plan.b_stride[axis];
    }
    out[i] = Op::apply(a[at_a], b[at_b]);
  }
};

struct Axpy {
  float alpha;
  const float* x;
  float* y;
  DEVICE_CODE void operator()(size_t i) const { y[i] += alpha * x[i]; }
};

struct Clamp {
  const float* x;
  float low, high;
  float* out;
  DEVICE_CODE void operator()(size_t i) const {
    const float raised = x[i] < low ? low : x[i];
    out[i] = raised > high ? high : raised;
  }
};

struct ClampGrad {
  const float *x, *grad;
  float low, high;
  float* out;
  DEVICE_CODE void operator()(size_t i) const { out[i] = (x[i] >= low) & (x[i] <= high) ? grad[i] : 0.0f; }
};

}  // namespace

void fill(float* out, size_t count, float value) { for_each(count, Fill{out, value}, "fill"); }

void unary(UnaryOp op, const float* x, float* out, size_t count) {
  with_unary(op, [=](auto operation) { for_each(count, Unary<decltype(operation)>{x, out}, "unary"); });
}

void binary(BinaryOp op, const float* a, const float* b, float* out, size_t count) {
  with_binary(op, [=](auto operation) { for_each(count, Binary<decltype(operation)>{a, b, out}, "binary"); });
}

void binary_scalar(BinaryOp op, const float* a, float value, bool reversed, float* out, size_t count) {
  with_binary(op, [=](auto operation) { for_each(count, WithNumber<decltype(operation)>{a, value, reversed, out}, "binaryScalar"); });
}

void binary_broadcast(BinaryOp op, const float* a, const float* b, float* out, const Broadcast& plan) {
  size_t count = plan.inner;
  for (size_t axis = 0; axis < plan.axes; axis++) count *= plan.shape[axis];
  with_binary(op, [&](auto operation) { for_each(count, WithBroadcast<decltype(operation)>{a, b, out, plan}, "binaryBroadcast"); });
}

void axpy(float alpha, const float* x, float* y, size_t count) { for_each(count, Axpy{alpha, x, y}, "axpy"); }

void clamp(const float* x, float low, float high, float* out, size_t count) { for_each(count, Clamp{x, low, high, out}, "clamp"); }

void clamp_grad(const float* x, const float* grad, float low, float high, float* out, size_t count) {
  for_each(count, ClampGrad{x, grad, low, high, out}, "clampGrad");
}

}  // namespace spikeship::device
