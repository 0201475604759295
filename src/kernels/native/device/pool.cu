// Pooling over channels-last data: every thread gathers what its own results are linked to, in the order of the CPU, so that results
// are the CPU's bit for bit. Threads take neighbouring channels.
#include <string>
#include <type_traits>

#include "kernels.h"
#include "pool_grid.h"
#include "quads.h"

namespace spikeship::device {
namespace {

// What an average divides by.
struct Divisor {
  bool average, with_padding;
  uint32_t fixed;

  NEURON_WORD float at(const PoolAxis (&axis)[3], const uint32_t (&position)[3]) const {
    if (!average) return 1.0f;
    if (fixed != 0) return static_cast<float>(fixed);
    uint32_t counted = 1;
    for (int which = 0; which < 3; which++) counted *= axis[which].counted(position[which], with_padding);
    return static_cast<float>(counted);
  }
};

template <class Number, unsigned width>
DEVICE_CODE Pack<Number, width> stored_as(const Pack<float, width>& values) {
  Pack<Number, width> stored;
  for (unsigned k = 0; k < width; k++) narrow(values.at[k], stored.at[k]);
  return stored;
}

template <class Number, class Index, unsigned width>
struct MaxForward {
  PoolGrid<Index, true> grid;
  const Number* x;
  Number* y;
  int32_t* indices;

  DEVICE_CODE void operator()(size_t i) const {
    const auto place = grid.template place<width>(i);
    // A window that lies wholly in the padding keeps these.
    Pack<float, width> best;
    Pack<int32_t, width> winner;
    for (unsigned k = 0; k < width; k++) {
      best.at[k] = -__builtin_inff();
      winner.at[k] = -1;
    }
    grid.visit_links(place, [&](Index at, uint32_t tap, const uint32_t(&)[3]) {
      const auto values = load<width>(x + at);
      for (unsigned k = 0; k < width; k++) {
        const float value = widened(values.at[k]);
        const float kept = best.at[k];
        const bool wins = (winner.at[k] < 0) | (((value > kept) | (value != value)) & (kept == kept));
        best.at[k] = wins ? value : kept;
        winner.at[k] = wins ? static_cast<int32_t>(tap) : winner.at[k];
      }
    });
    store(y + i * width, stored_as<Number>(best));
    if (indices != nullptr) store(indices + i * width, winner);
  }
};

template <class Number, class Index, unsigned width>
struct MaxBackward {
  PoolGrid<Index, false> grid;
  const Number* grad_y;
  const int32_t* indices;
  Number* grad_x;

  DEVICE_CODE void operator()(size_t i) const {
    const auto place = grid.template place<width>(i);
    Pack<float, width> sum{};
    grid.visit_links(place, [&](Index at, uint32_t tap, const uint32_t(&)[3]) {
      const auto grads = load<width>(grad_y + at);
      const auto winners = load<width>(indices + at);
      for (unsigned k = 0; k < width; k++) sum.at[k] += winners.at[k] == static_cast<int32_t>(tap) ? widened(grads.at[k]) : 0.0f;
    });
    store(grad_x + i * width, stored_as<Number>(sum));
  }
};

template <class Number, class Index, unsigned width>
struct SumForward {
  PoolGrid<Index, true> grid;
  Divisor divisor;
  const Number* x;
  Number* y;

  DEVICE_CODE void operator()(size_t i) const {
    const auto place = grid.template place<width>(i);
    Pack<float, width> sum{};
    grid.visit_links(place, [&](Index at, uint32_t, const uint32_t(&)[3]) {
      const auto values = load<width>(x + at);
      for (unsigned k = 0; k < width; k++) sum.at[k] += widened(values.at[k]);
    });
    const float by = divisor.at(grid.axis, place.position);
    // 0: a window wholly in padding that is not counted; the sum is 0 and stays so.
    if (divisor.average && by != 0.0f) {
      for (unsigned k = 0; k < width; k++) sum.at[k] /= by;
    }
    store(y + i * width, stored_as<Number>(sum));
  }
};

template <class Number, class Index, unsigned width>
struct SumBackward {
  PoolGrid<Index, false> grid;
  Divisor divisor;
  const Number* grad_y;
  Number* grad_x;

  DEVICE_CODE void operator()(size_t i) const {
    const auto place = grid.template place<width>(i);
    Pack<float, width> sum{};
    grid.visit_links(place, [&](Index at, uint32_t, const uint32_t(&output)[3]) {
      const auto grads = load<width>(grad_y + at);
      const float by = divisor.at(grid.axis, output);
      for (unsigned k = 0; k < width; k++) sum.at[k] += widened(grads.at[k]) / by;
    });
    store(grad_x + i * width, stored_as<Number>(sum));
  }
};

// Positions are 32-bit numbers, in which every place that a window reaches must fit.
void check_reach(const PoolSpec& spec) {
  for (int which = 0; which < 3; which++) {
    const size_t window = sum(product({spec.output[which], spec.stride[which]}), product({spec.kernel[which], spec.dilation[which]}));
    const size_t padded = sum(spec.input[which], product({2, spec.padding[which]}));
    if (sum(window, padded) > INT32_MAX) {
      throw Failure{"SHAPE", "pool", "windows that end below position 2147483647 along every axis", std::to_string(sum(window, padded)), ""};
    }
  }
}

template <class Index, bool forward>
PoolGrid<Index, forward> grid_of(const PoolSpec& spec, unsigned width) {
  PoolGrid<Index, forward> grid;
  grid.channels = static_cast<Index>(spec.channels);
  grid.packs = Divider<Index>(spec.channels / width);
  for (int which = 0; which < 3; which++) {
    grid.axis[which] = {static_cast<uint32_t>(spec.input[which]), static_cast<uint32_t>(spec.output[which]),
                        static_cast<uint32_t>(spec.kernel[which]), static_cast<uint32_t>(spec.padding[which]),
                        Divider<uint32_t>(spec.stride[which]), Divider<uint32_t>(spec.dilation[which])};
    grid.result[which] = Divider<Index>(forward ? spec.output[which] : spec.input[which]);
  }
  return grid;
}

// Four channels to a thread only where that leaves threads enough for every card: few results take all threads they can get.
constexpr size_t enough_packs = size_t{1} << 17;

// Calls run(grid, width, number of threads).
template <bool forward, class Run>
void with_grid(const PoolSpec& spec, bool aligned, Run run) {
  check_reach(spec);
  const size_t inputs = spec.batch * spec.input_points() * spec.channels;
  const size_t outputs = spec.batch * spec.output_points() * spec.channels;
  const size_t results = forward ? outputs : inputs;
  if (results == 0) return;
  const bool wide = aligned && spec.channels % 4 == 0 && results / 4 >= enough_packs;
  with_index(inputs < outputs ? outputs : inputs, [&](auto index) {
    using Index = decltype(index);
    if (wide) run(grid_of<Index, forward>(spec, 4), std::integral_constant<unsigned, 4>{}, results / 4);
    else run(grid_of<Index, forward>(spec, 1), std::integral_constant<unsigned, 1>{}, results);
  });
}

Divisor divisor_of(PoolOp op, const PoolSpec& spec) {
  return {op == PoolOp::avg, spec.count_include_pad, static_cast<uint32_t>(spec.divisor)};
}

template <class Index, bool forward>
Index index_of(const PoolGrid<Index, forward>&);

}  // namespace

void pool_forward(PoolOp op, const PoolSpec& spec, const void* x, void* y, int32_t* indices, ActivationType type) {
  with_activation(type, [&](auto stored) {
    using Number = decltype(stored);
    const auto* source = static_cast<const Number*>(x);
    auto* result = static_cast<Number*>(y);
    const bool aligned = aligned_to(4 * sizeof(Number), x) && aligned_to(4 * sizeof(Number), y) && aligned_to(16, indices);
    with_grid<true>(spec, aligned, [&](auto grid, auto width, size_t threads) {
      using Index = decltype(index_of(grid));
      if (op == PoolOp::max) for_each(threads, MaxForward<Number, Index, width>{grid, source, result, indices}, "poolForward");
      else for_each(threads, SumForward<Number, Index, width>{grid, divisor_of(op, spec), source, result}, "poolForward");
    });
  });
}

void pool_backward(PoolOp op, const PoolSpec& spec, const void* grad_y, const int32_t* indices, void* grad_x, ActivationType type) {
  with_activation(type, [&](auto stored) {
    using Number = decltype(stored);
    const auto* given = static_cast<const Number*>(grad_y);
    auto* wanted = static_cast<Number*>(grad_x);
    const bool aligned = aligned_to(4 * sizeof(Number), grad_y) && aligned_to(4 * sizeof(Number), grad_x) && aligned_to(16, indices);
    with_grid<false>(spec, aligned, [&](auto grid, auto width, size_t threads) {
      using Index = decltype(index_of(grid));
      if (op == PoolOp::max) for_each(threads, MaxBackward<Number, Index, width>{grid, given, indices, wanted}, "poolBackward");
      else for_each(threads, SumBackward<Number, Index, width>{grid, divisor_of(op, spec), given, wanted}, "poolBackward");
    });
  });
}

}  // namespace spikeship::device
