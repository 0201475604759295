// Moving bytes: axis permutations and strided copies. No arithmetic.
#include <algorithm>
#include <cstring>

#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "parallel.h"

namespace spikeship::moves {
namespace {

struct Axis {
  size_t size, stride;  // of the output, in the order of the output; stride in elements of the input
};

// Output axes with their input strides; axes of size 1 vanish, neighbours that stay neighbours become one.
std::vector<Axis> plan(const Sizes& shape, const Sizes& permutation) {
  Sizes strides(shape.size());
  size_t stride = 1;
  for (size_t axis = shape.size(); axis-- > 0;) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  std::vector<Axis> axes;
  for (const size_t from : permutation) {
    if (shape[from] == 1) continue;
    if (!axes.empty() && axes.back().stride == strides[from] * shape[from]) {
      axes.back() = {axes.back().size * shape[from], strides[from]};
    } else {
      axes.push_back({shape[from], strides[from]});
    }
  }
  return axes;
}

// A batch of matrix transpositions in tiles: out[i, j] = in[j, i], the shape of every layout change.
template <class T>
void transpose(const T* x, T* out, size_t batch, size_t rows, size_t columns) {
  constexpr size_t tile = 16;
  const size_t row_tiles = (rows + tile - 1) / tile;
#pragma omp parallel for schedule(static) collapse(2) if (batch * rows * columns >= parallel_from)
  for (size_t b = 0; b < batch; b++) {
    for (size_t row_tile = 0; row_tile < row_tiles; row_tile++) {
      const T* source = x + b * rows * columns;
      T* target = out + b * rows * columns;
      const size_t last_row = std::min(rows, (row_tile + 1) * tile);
      for (size_t first = 0; first < columns; first += tile) {
        const size_t last = std::min(columns, first + tile);
        for (size_t row = row_tile * tile; row < last_row; row++) {
          for (size_t column = first; column < last; column++) target[row * columns + column] = source[column * rows + row];
        }
      }
    }
  }
}

template <class T>
void gather(const T* x, T* out, const std::vector<Axis>& axes) {
  size_t rows = 1;
  for (size_t axis = 0; axis + 1 < axes.size(); axis++) rows *= axes[axis].size;
  const Axis inner = axes.empty() ? Axis{1, 1} : axes.back();
#pragma omp parallel for schedule(static) if (rows * inner.size >= parallel_from)
  for (size_t row = 0; row < rows; row++) {
    size_t offset = 0;
    size_t rest = row;
    for (size_t axis = axes.size() - (axes.empty() ? 0 : 1); axis-- > 0;) {
      offset += rest % axes[axis].size * axes[axis].stride;
      rest /= axes[axis].size;
    }
    T* target = out + row * inner.size;
    const T* source = x + offset;
    if (inner.stride == 1) std::memcpy(target, source, inner.size * sizeof(T));
    else for (size_t i = 0; i < inner.size; i++) target[i] = source[i * inner.stride];
  }
}

template <class T>
void permute_all(const Buffer& x, const Buffer& out, size_t count, const std::vector<Axis>& axes) {
  const T* source = x.as<T>(count, "permute x");
  T* target = out.as<T>(count, "permute out");
  if (count == 0) return;
  const size_t n = axes.size();
  const bool plain = n == 2 && axes[1].stride == axes[0].size && axes[0].stride == 1;
  const bool batched = n == 3 && axes[2].stride == axes[1].size && axes[1].stride == 1;
  if (plain) transpose(source, target, 1, axes[0].size, axes[1].size);
  else if (batched) transpose(source, target, axes[0].size, axes[1].size, axes[2].size);
  else gather(source, target, axes);
}

void permute_on(const DeviceKernels& device, size_t element_bytes, const Buffer& x, const Buffer& out, size_t count,
                const std::vector<Axis>& axes) {
  if (axes.size() > PermutePlan::most_axes) {
    throw Failure{"SHAPE", "permute", "at most 16 axes", std::to_string(axes.size()), ""};
  }
  const uint8_t* source = x.as<uint8_t>(product({count, element_bytes}), "permute x");
  uint8_t* target = out.as<uint8_t>(product({count, element_bytes}), "permute out");
  PermutePlan plan{};
  plan.axes = axes.size();
  plan.count = count;
  plan.element_bytes = element_bytes;
  for (size_t axis = 0; axis < axes.size(); axis++) {
    plan.size[axis] = axes[axis].size;
    plan.stride[axis] = axes[axis].stride;
  }
  if (count > 0) device.permute(plan, source, target);
}

}  // namespace

void permute(Environment&, size_t element_bytes, Buffer x, Sizes shape, Sizes permutation, Buffer out) {
  std::vector<bool> seen(shape.size(), false);
  for (const size_t axis : permutation) {
    if (axis < shape.size()) seen[axis] = true;
  }
  if (permutation.size() != shape.size() || std::find(seen.begin(), seen.end(), false) != seen.end()) {
    throw Failure{"SHAPE", "permute", "every axis of the shape once", std::to_string(permutation.size()) + " axes", ""};
  }
  size_t count = 1;
  for (const size_t size : shape) count = product({count, size});
  const auto axes = plan(shape, permutation);
  if (const DeviceKernels* device = call_device()) return permute_on(*device, element_bytes, x, out, count, axes);
  switch (element_bytes) {
    case 1: return permute_all<uint8_t>(x, out, count, axes);
    case 2: return permute_all<uint16_t>(x, out, count, axes);
    case 4: return permute_all<uint32_t>(x, out, count, axes);
    default: throw Failure{"NATIVE", "permute", "elements of 1, 2 or 4 bytes", std::to_string(element_bytes), ""};
  }
}

void copy_strided(Environment&, size_t rows, size_t block, Buffer source, size_t source_byte, size_t source_stride, Buffer target,
                  size_t target_byte, size_t target_stride) {
  if (rows == 0 || block == 0) return;
  const auto* from = source.as<uint8_t>(sum(source_byte, sum(product({rows - 1, source_stride}), block)), "copyStrided source");
  auto* to = target.as<uint8_t>(sum(target_byte, sum(product({rows - 1, target_stride}), block)), "copyStrided target");
  from += source_byte;
  to += target_byte;
  if (const DeviceKernels* device = call_device()) return device->copy_strided({rows, block, source_stride, target_stride}, from, to);
  const bool parallel = rows > 1 && rows * block >= parallel_from * sizeof(float) && target_stride >= block;
#pragma omp parallel for schedule(static) if (parallel)
  for (size_t row = 0; row < rows; row++) std::memmove(to + row * target_stride, from + row * source_stride, block);
}

}  // namespace spikeship::moves
