// Binary operations with NumPy's broadcasting: one thread for each result, or for four neighbours of a row.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../element_ops.h"
#include "divider.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

template <class Index>
struct Rows {
  unsigned axes;
  Divider<Index> inner;
  Divider<Index> shape[Broadcast::most_axes];
  Index a_stride[Broadcast::most_axes], b_stride[Broadcast::most_axes];
};

// One input along a row.
template <class Index>
struct Side {
  const float* data;
  Index stride;
  // Four neighbours can be read as one.
  bool wide;

  template <unsigned width>
  DEVICE_CODE Pack<float, width> read(Index row, Index column) const {
    if constexpr (width > 1) {
      if (wide) return load<width>(data + row + column);
    }
    Pack<float, width> values;
    for (unsigned i = 0; i < width; i++) values.at[i] = data[row + (column + i) * stride];
    return values;
  }
};

template <class Op, class Index, unsigned width>
struct WithBroadcast {
  Rows<Index> rows;
  Side<Index> a, b;
  float* out;

  DEVICE_CODE void operator()(size_t i) const {
    auto row = static_cast<Index>(i);
    const Index column = split(row, rows.inner) * width;
    Index at_a = 0, at_b = 0;
    for (unsigned axis = rows.axes; axis-- > 0;) {
      const Index position = split(row, rows.shape[axis]);
      at_a += position * rows.a_stride[axis];
      at_b += position * rows.b_stride[axis];
    }
    const auto left = a.template read<width>(at_a, column);
    const auto right = b.template read<width>(at_b, column);
    Pack<float, width> result;
    for (unsigned k = 0; k < width; k++) result.at[k] = Op::apply(left.at[k], right.at[k]);
    store(out + i * width, result);
  }
};

// Rows of one input begin where four of its elements can be read as one.
bool wide_rows(const float* data, const size_t* strides, size_t axes, size_t inner_stride) {
  bool wide = inner_stride == 1 && aligned_to(16, data);
  for (size_t axis = 0; axis < axes; axis++) wide = wide && strides[axis] % 4 == 0;
  return wide;
}

template <class Index, unsigned width>
void run(BinaryOp op, const float* a, const float* b, float* out, const Broadcast& plan, size_t count) {
  Rows<Index> rows{};
  rows.axes = static_cast<unsigned>(plan.axes);
  rows.inner = Divider<Index>(plan.inner / width);
  for (size_t axis = 0; axis < plan.axes; axis++) {
    rows.shape[axis] = Divider<Index>(plan.shape[axis]);
    rows.a_stride[axis] = static_cast<Index>(plan.a_stride[axis]);
    rows.b_stride[axis] = static_cast<Index>(plan.b_stride[axis]);
  }
  const Side<Index> left{a, static_cast<Index>(plan.a_inner_stride), wide_rows(a, plan.a_stride, plan.axes, plan.a_inner_stride)};
  const Side<Index> right{b, static_cast<Index>(plan.b_inner_stride), wide_rows(b, plan.b_stride, plan.axes, plan.b_inner_stride)};
  with_binary(op, [&](auto operation) {
    for_each(count / width, WithBroadcast<decltype(operation), Index, width>{rows, left, right, out}, "binaryBroadcast");
  });
}

// The last element of an input that the plan reaches.
size_t reach(const Broadcast& plan, const size_t* strides, size_t inner_stride) {
  size_t last = (plan.inner - 1) * inner_stride;
  for (size_t axis = 0; axis < plan.axes; axis++) last += (plan.shape[axis] - 1) * strides[axis];
  return last;
}

}  // namespace

void binary_broadcast(BinaryOp op, const float* a, const float* b, float* out, const Broadcast& plan) {
  size_t count = plan.inner;
  for (size_t axis = 0; axis < plan.axes; axis++) count *= plan.shape[axis];
  if (count == 0) return;
  const size_t last_a = reach(plan, plan.a_stride, plan.a_inner_stride);
  const size_t last_b = reach(plan, plan.b_stride, plan.b_inner_stride);
  constexpr size_t most = UINT32_MAX;
  if (count > most || last_a > most || last_b > most) return run<uint64_t, 1>(op, a, b, out, plan, count);
  if (plan.inner % 4 == 0 && aligned_to(16, out)) return run<uint32_t, 4>(op, a, b, out, plan, count);
  run<uint32_t, 1>(op, a, b, out, plan, count);
}

}  // namespace spikeship::device
