// Axis permutations: a gather where both sides run along the same axis, tiles in shared memory where they do not.
#include <algorithm>

#include "divider.h"
#include "kernels.h"
#include "quads.h"
#include "units.h"

namespace spikeship::device {
namespace {

template <class Index>
struct Axes {
  unsigned count;
  Divider<Index> size[PermutePlan::most_axes];
  Index stride[PermutePlan::most_axes];

  Axes(const PermutePlan& plan) : count(static_cast<unsigned>(plan.axes)) {
    for (size_t axis = 0; axis < plan.axes; axis++) {
      size[axis] = Divider<Index>(plan.size[axis]);
      stride[axis] = static_cast<Index>(plan.stride[axis]);
    }
  }
};

template <class T, class Index>
struct Gather {
  Axes<Index> axes;
  const T* x;
  T* out;
  DEVICE_CODE void operator()(size_t i) const {
    auto rest = static_cast<Index>(i);
    Index from = 0;
    for (unsigned axis = axes.count; axis-- > 0;) from += split(rest, axes.size[axis]) * axes.stride[axis];
    out[i] = x[from];
  }
};

// Whether the innermost axis can be counted in pairs: then an element twice as wide makes the same move.
bool pairs(const PermutePlan& plan, const void* x, const void* out) {
  const size_t last = plan.axes - 1;
  bool even = plan.element_bytes < 16 && plan.axes > 0 && plan.stride[last] == 1 && plan.size[last] % 2 == 0 &&
              aligned_to(2 * plan.element_bytes, x) && aligned_to(2 * plan.element_bytes, out);
  for (size_t axis = 0; even && axis < last; axis++) even = plan.stride[axis] % 2 == 0;
  return even;
}

void gather(PermutePlan plan, const void* x, void* out) {
  while (pairs(plan, x, out)) {
    const size_t last = plan.axes - 1;
    plan.element_bytes *= 2;
    plan.count /= 2;
    plan.size[last] /= 2;
    for (size_t axis = 0; axis < last; axis++) plan.stride[axis] /= 2;
  }
  with_index(plan.count, [&](auto index) {
    using Index = decltype(index);
    with_unit(plan.element_bytes, [&](auto unit) {
      using T = decltype(unit);
      for_each(plan.count, Gather<T, Index>{Axes<Index>(plan), static_cast<const T*>(x), static_cast<T*>(out)}, "permute");
    });
  });
}

// Where one side of a permutation runs along another axis than the other side, a block reads a tile along the input's innermost
// axis and writes it along the output's: both sides then touch neighbouring addresses.
constexpr unsigned tile_side = 32;
constexpr unsigned tile_elements = tile_side * tile_side;

struct TileAxis {
  size_t size, stride;
};

template <class T>
struct TiledPermute {
  struct Shared {
    // One element more in each row of the tile keeps columns out of one memory bank. Rows are at least two elements long.
    T tile[tile_elements + tile_elements / 2];
  };
  const T* x;
  T* out;
  // The axis along which the input runs, its stride in the output; the output's innermost axis, its stride in the input.
  size_t input_size, output_stride, output_size, input_stride;
  Divider<uint32_t> tile_input, tile_output, input_tiles, output_tiles;
  // The other axes with their strides on both sides, innermost last.
  unsigned others;
  Divider<uint32_t> other_size[PermutePlan::most_axes];
  size_t other_input[PermutePlan::most_axes], other_output[PermutePlan::most_axes];

  template <class Block>
  DEVICE_CODE void operator()(Block block) const {
    uint32_t rest = block.index;
    const size_t first_input = static_cast<size_t>(split(rest, input_tiles)) * tile_input.divisor;
    const size_t first_output = static_cast<size_t>(split(rest, output_tiles)) * tile_output.divisor;
    size_t from = first_input + first_output * input_stride;
    size_t to = first_input * output_stride + first_output;
    for (unsigned axis = others; axis-- > 0;) {
      const uint32_t position = split(rest, other_size[axis]);
      from += position * other_input[axis];
      to += position * other_output[axis];
    }
    const auto inputs = smaller(input_size - first_input, tile_input.divisor);
    const auto outputs = smaller(output_size - first_output, tile_output.divisor);
    const unsigned row = tile_input.divisor + 1;
    const unsigned elements = tile_input.divisor * tile_output.divisor;
    T* tile = block.shared.tile;
    block.each([&](unsigned thread) {
      for (uint32_t place = thread; place < elements; place += usual_threads) {
        uint32_t line = place;
        const uint32_t column = split(line, tile_input);
        if (column < inputs && line < outputs) tile[line * row + column] = x[from + column + line * input_stride];
      }
    });
    block.each([&](unsigned thread) {
      for (uint32_t place = thread; place < elements; place += usual_threads) {
        uint32_t line = place;
        const uint32_t column = split(line, tile_output);
        if (column < outputs && line < inputs) out[to + column + line * output_stride] = tile[column * row + line];
      }
    });
  }

  DEVICE_CODE static uint32_t smaller(size_t left, uint32_t most) { return left < most ? static_cast<uint32_t>(left) : most; }
};

// Sides of a tile: a short axis is taken whole, and the other side is the longer for it.
void tile_sides(size_t input, size_t output, size_t& tile_input, size_t& tile_output) {
  tile_input = std::min<size_t>(input, tile_side);
  tile_output = std::min<size_t>(output, tile_side);
  if (tile_input < tile_side) tile_output = std::min<size_t>(output, tile_elements / tile_input);
  else if (tile_output < tile_side) tile_input = std::min<size_t>(input, tile_elements / tile_output);
}

template <class T>
void permute_in_tiles(const PermutePlan& plan, size_t along, const void* x, void* out) {
  const size_t last = plan.axes - 1;
  size_t output_strides[PermutePlan::most_axes];
  output_strides[last] = 1;
  for (size_t axis = last; axis-- > 0;) output_strides[axis] = output_strides[axis + 1] * plan.size[axis + 1];
  TiledPermute<T> body{};
  body.x = static_cast<const T*>(x);
  body.out = static_cast<T*>(out);
  body.input_size = plan.size[along];
  body.output_stride = output_strides[along];
  body.output_size = plan.size[last];
  body.input_stride = plan.stride[last];
  size_t tile_input = 0, tile_output = 0;
  tile_sides(body.input_size, body.output_size, tile_input, tile_output);
  body.tile_input = Divider<uint32_t>(tile_input);
  body.tile_output = Divider<uint32_t>(tile_output);
  body.input_tiles = Divider<uint32_t>((body.input_size + tile_input - 1) / tile_input);
  body.output_tiles = Divider<uint32_t>((body.output_size + tile_output - 1) / tile_output);
  size_t blocks = size_t{body.input_tiles.divisor} * body.output_tiles.divisor;
  for (size_t axis = 0; axis < last; axis++) {
    if (axis == along) continue;
    body.other_size[body.others] = Divider<uint32_t>(plan.size[axis]);
    body.other_input[body.others] = plan.stride[axis];
    body.other_output[body.others] = output_strides[axis];
    body.others++;
    blocks *= plan.size[axis];
  }
  for_blocks(blocks, usual_threads, body, "permute");
}

}  // namespace

void permute(const PermutePlan& plan, const void* x, void* out) {
  if (plan.count == 0) return;
  size_t along = 0;
  while (along + 1 < plan.axes && plan.stride[along] != 1) along++;
  if (along + 1 >= plan.axes) return gather(plan, x, out);
  with_unit(plan.element_bytes, [&](auto unit) { permute_in_tiles<decltype(unit)>(plan, along, x, out); });
}

}  // namespace spikeship::device
