// Operations element by element: the CPU's functions of one element (element_ops.h), four elements to a thread. Results are the
// CPU's bit for bit, but for the bits of a NaN.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../element_ops.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

template <class Number>
struct Fill {
  Number* out;
  size_t count;
  Number value;
  bool wide;
  DEVICE_CODE void operator()(size_t quad) const {
    const size_t first = 4 * quad;
    if (wide && first + 4 <= count) store(out + first, Pack<Number, 4>{{value, value, value, value}});
    else for (size_t i = first; i < count && i < first + 4; i++) out[i] = value;
  }
};

template <class Op>
struct Unary {
  DEVICE_CODE void operator()(const float (&x)[1], float (&y)[1]) const { y[0] = Op::apply(x[0]); }
};

template <class Op>
struct Binary {
  DEVICE_CODE void operator()(const float (&x)[2], float (&y)[1]) const { y[0] = Op::apply(x[0], x[1]); }
};

template <class Op>
struct WithNumber {
  float value;
  bool reversed;
  DEVICE_CODE void operator()(const float (&x)[1], float (&y)[1]) const {
    y[0] = reversed ? Op::apply(value, x[0]) : Op::apply(x[0], value);
  }
};

struct Axpy {
  float alpha;
  DEVICE_CODE void operator()(const float (&x)[2], float (&y)[1]) const { y[0] = x[1] + alpha * x[0]; }
};

struct Clamp {
  float low, high;
  DEVICE_CODE void operator()(const float (&x)[1], float (&y)[1]) const {
    const float raised = x[0] < low ? low : x[0];
    y[0] = raised > high ? high : raised;
  }
};

struct ClampGrad {
  float low, high;
  DEVICE_CODE void operator()(const float (&x)[2], float (&y)[1]) const { y[0] = (x[0] >= low) & (x[0] <= high) ? x[1] : 0.0f; }
};

}  // namespace

void fill(void* out, size_t count, float value, ActivationType type) {
  with_activation(type, [=](auto stored) {
    using Number = decltype(stored);
    narrow(value, stored);
    const bool wide = aligned_to(4 * sizeof(Number), out);
    for_each(quads(count), Fill<Number>{static_cast<Number*>(out), count, stored, wide}, "fill");
  });
}

void unary(UnaryOp op, const float* x, float* out, size_t count) {
  with_unary(op, [=](auto operation) { for_elements(count, {x}, {out}, Unary<decltype(operation)>{}, "unary"); });
}

void binary(BinaryOp op, const void* a, const void* b, void* out, size_t count, ActivationType type) {
  with_binary(op, [=](auto operation) {
    with_activation(type, [=](auto stored) {
      using Number = decltype(stored);
      for_numbers<Number>(count, {static_cast<const Number*>(a), static_cast<const Number*>(b)}, {static_cast<Number*>(out)},
                          Binary<decltype(operation)>{}, "binary");
    });
  });
}

void binary_scalar(BinaryOp op, const float* a, float value, bool reversed, float* out, size_t count) {
  with_binary(op, [=](auto operation) {
    for_elements(count, {a}, {out}, WithNumber<decltype(operation)>{value, reversed}, "binaryScalar");
  });
}

void axpy(float alpha, const float* x, float* y, size_t count) { for_elements(count, {x, y}, {y}, Axpy{alpha}, "axpy"); }

void clamp(const float* x, float low, float high, float* out, size_t count) {
  for_elements(count, {x}, {out}, Clamp{low, high}, "clamp");
}

void clamp_grad(const float* x, const float* grad, float low, float high, float* out, size_t count) {
  for_elements(count, {x, grad}, {out}, ClampGrad{low, high}, "clampGrad");
}

}  // namespace spikeship::device
