// The windows of a convolution written out side by side ("columns"): what turns it into a matrix product.
#pragma once

#include "device_words.h"
#include "divider.h"
#include "quads.h"

namespace spikeship::device {

// Which point of the source each place of a window holds. A row is a point of one image. `backward`: the window is that of the gradient
// of the input, the points of the output that one point of the input reached.
struct Windows {
  // Along each axis.
  uint32_t source[3], stride[3], padding[3], dilation[3];
  Divider<uint32_t> rows[3], kernel[3], steps[3];
  // In all.
  Divider<uint32_t> row_points, kernel_points, groups;
  uint32_t source_points;
  bool backward;

  // -1: outside.
  NEURON_WORD int32_t along(int axis, uint32_t position, uint32_t tap) const {
    const auto reach = static_cast<int32_t>(tap * dilation[axis]);
    int32_t at;
    if (backward) {
      at = static_cast<int32_t>(position + padding[axis]) - reach;
      if (at < 0) return -1;
      auto whole = static_cast<uint32_t>(at);
      if (split(whole, steps[axis]) != 0) return -1;
      at = static_cast<int32_t>(whole);
    } else {
      at = static_cast<int32_t>(position * stride[axis]) - static_cast<int32_t>(padding[axis]) + reach;
    }
    return at >= 0 && at < static_cast<int32_t>(source[axis]) ? at : -1;
  }

  // The point of the source at one tap of the window of one row; -1: outside.
  NEURON_WORD int64_t point(uint32_t row, uint32_t tap) const {
    const int32_t column = along(2, split(row, rows[2]), split(tap, kernel[2]));
    const int32_t line = along(1, split(row, rows[1]), split(tap, kernel[1]));
    const int32_t plane = along(0, row, tap);
    if (column < 0 || line < 0 || plane < 0) return -1;
    return (static_cast<int64_t>(plane) * source[1] + line) * source[2] + column;
  }
};

// out [rows, groups, kernel points, units of a group's channels], for some rows of fewer than 2^32 units in all. The numbers are only
// moved, so a unit is as many bytes as addresses allow.
template <class Unit>
struct WriteColumns {
  Windows windows;
  Divider<uint32_t> units;
  size_t first_image;
  uint32_t first_point;
  const Unit* source;
  Unit* out;
  DEVICE_CODE void operator()(size_t i) const {
    const Windows& w = windows;
    auto rest = static_cast<uint32_t>(i);
    const uint32_t unit = split(rest, units);
    const uint32_t tap = split(rest, w.kernel_points);
    const uint32_t group = split(rest, w.groups);
    uint32_t image = first_point + rest;
    const int64_t point = w.point(split(image, w.row_points), tap);
    const size_t from = ((first_image + image) * w.source_points + static_cast<size_t>(point)) * w.groups.divisor + group;
    out[i] = point < 0 ? Unit{} : source[from * units.divisor + unit];
  }
};

}  // namespace spikeship::device
