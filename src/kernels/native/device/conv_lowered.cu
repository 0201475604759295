// Convolutions as matrix products: the windows of some rows are written out side by side, multiplied, and the memory used again for
// the next rows. All three directions use the same two pieces, so no sum is scattered and results do not depend on any order of threads.
#include "conv_lowered.h"

#include <algorithm>

#include "conv_columns.h"
#include "conv_weights_order.h"
#include "dense_product.h"
#include "device_runtime.h"

namespace spikeship::device {
namespace {

// Enough rows for a product to fill the card, little beside its memory.
constexpr size_t most_column_bytes = size_t{128} << 20;

using Index = uint32_t;

Windows windows_of(const ConvSpec& spec, bool backward) {
  Windows w;
  for (int axis = 0; axis < 3; axis++) {
    w.rows[axis] = Divider<Index>(backward ? spec.input[axis] : spec.output[axis]);
    w.source[axis] = static_cast<Index>(backward ? spec.output[axis] : spec.input[axis]);
    w.kernel[axis] = Divider<Index>(spec.kernel[axis]);
    w.stride[axis] = static_cast<Index>(spec.stride[axis]);
    w.steps[axis] = Divider<Index>(spec.stride[axis]);
    w.padding[axis] = static_cast<Index>(spec.padding[axis]);
    w.dilation[axis] = static_cast<Index>(spec.dilation[axis]);
  }
  w.row_points = Divider<Index>(backward ? spec.input_points() : spec.output_points());
  w.source_points = static_cast<Index>(backward ? spec.output_points() : spec.input_points());
  w.kernel_points = Divider<Index>(spec.kernel_points());
  w.groups = Divider<Index>(spec.groups);
  w.backward = backward;
  return w;
}

template <class Unit>
void write_columns(const Windows& windows, size_t first_row, size_t bytes, size_t group_bytes, const void* source, void* out) {
  const size_t points = windows.row_points.divisor;
  for_each(bytes / sizeof(Unit),
           WriteColumns<Unit>{windows, Divider<Index>(group_bytes / sizeof(Unit)), first_row / points, static_cast<Index>(first_row % points),
                              static_cast<const Unit*>(source), static_cast<Unit*>(out)},
           "columns of a convolution");
}

// `group_bytes`: of one group's channels at one point.
void write_columns(const Windows& windows, size_t first_row, size_t bytes, size_t group_bytes, const void* source, void* out) {
  using Wide = Pack<uint32_t, 4>;
  if (group_bytes % sizeof(Wide) == 0 && aligned_to(sizeof(Wide), source)) {
    write_columns<Wide>(windows, first_row, bytes, group_bytes, source, out);
  } else if (group_bytes % sizeof(uint32_t) == 0) {
    write_columns<uint32_t>(windows, first_row, bytes, group_bytes, source, out);
  } else {
    write_columns<uint16_t>(windows, first_row, bytes, group_bytes, source, out);
  }
}

// Every window is the one point at its own place: the source is its own columns.
bool one_to_one(const ConvSpec& spec) {
  for (int axis = 0; axis < 3; axis++) {
    if (spec.kernel[axis] != 1 || spec.stride[axis] != 1 || spec.padding[axis] != 0 || spec.input[axis] != spec.output[axis]) return false;
  }
  return true;
}

// Calls use(first row, rows, columns of these rows) for all rows, in order.
template <class Use>
void for_columns(const ConvSpec& spec, bool backward, Factor source, Use use) {
  const Windows windows = windows_of(spec, backward);
  const size_t rows = spec.batch * windows.row_points.divisor;
  if (one_to_one(spec)) return use(size_t{0}, rows, source.data);
  const size_t group_bytes = (backward ? spec.out_channels : spec.in_channels) / spec.groups * number_bytes(source.precision);
  const size_t row_bytes = spec.groups * spec.kernel_points() * group_bytes;
  const size_t piece = std::clamp<size_t>(most_column_bytes / row_bytes, 1, rows);
  const Scratch columns(piece * row_bytes);
  for (size_t first = 0; first < rows; first += piece) {
    const size_t count = std::min(piece, rows - first);
    write_columns(windows, first, count * row_bytes, group_bytes, source.data, columns.as<void>());
    use(first, count, columns.as<void>());
  }
}

}  // namespace

void lowered_forward(const ConvSpec& spec, Factor x, const float* weight, const float* bias, const Result& y) {
  const size_t outputs = spec.out_channels / spec.groups, inner = spec.kernel_points() * (spec.in_channels / spec.groups);
  const OrderedWeights weights(spec, WeightOrder::outputs_first, x.precision, weight);
  for_columns(spec, false, x, [&](size_t first, size_t rows, const void* columns) {
    multiply({.transpose_b = true, .m = rows, .n = outputs, .k = inner, .precision = x.precision, .a = columns, .b = weights.data(),
              .bias = bias, .c = y.at(first * spec.out_channels), .c_type = y.type, .a_row = spec.groups * inner, .b_row = inner,
              .c_row = spec.out_channels, .groups = spec.groups, .a_group = inner, .b_group = outputs * inner, .c_group = outputs});
  });
}

void lowered_backward_data(const ConvSpec& spec, Factor grad_y, const float* weight, const Result& grad_x) {
  const size_t inputs = spec.in_channels / spec.groups, inner = spec.kernel_points() * (spec.out_channels / spec.groups);
  const OrderedWeights weights(spec, WeightOrder::kernel_first, grad_y.precision, weight);
  for_columns(spec, true, grad_y, [&](size_t first, size_t rows, const void* columns) {
    multiply({.m = rows, .n = inputs, .k = inner, .precision = grad_y.precision, .a = columns, .b = weights.data(),
              .c = grad_x.at(first * spec.in_channels), .c_type = grad_x.type, .a_row = spec.groups * inner, .b_row = inputs,
              .c_row = spec.in_channels, .groups = spec.groups, .a_group = inner, .b_group = inner * inputs, .c_group = inputs});
  });
}

void lowered_backward_weights(const ConvSpec& spec, Factor x, Factor grad_y, float* grad_weight) {
  const size_t outputs = spec.out_channels / spec.groups, width = spec.kernel_points() * (spec.in_channels / spec.groups);
  const Scratch sums(weight_count(spec) * sizeof(float));
  for_columns(spec, false, x, [&](size_t first, size_t rows, const void* columns) {
    const void* given = static_cast<const char*>(grad_y.data) + first * spec.out_channels * number_bytes(grad_y.precision);
    multiply({.transpose_a = true, .m = outputs, .n = width, .k = rows, .precision = x.precision, .a = given, .b = columns,
              .c = sums.as<void>(), .accumulate = first > 0, .a_row = spec.out_channels, .b_row = spec.groups * width, .c_row = width,
              .groups = spec.groups, .a_group = outputs, .b_group = width, .c_group = outputs * width});
  });
  plain_weights(spec, sums.as<float>(), grad_weight);
}

}  // namespace spikeship::device
