// Which points of a pool's two grids meet: arithmetic on positions, no tables. For both directions, over channels-last data.
#pragma once

#include "device_words.h"
#include "divider.h"

namespace spikeship::device {

// A half-open range of positions or of taps.
struct Range {
  uint32_t first, end;
  NEURON_WORD uint32_t size() const { return first < end ? end - first : 0; }
};

struct PoolAxis {
  uint32_t input, output, kernel, padding;
  Divider<uint32_t> stride, dilation;

  // Taps of the window at `position` of the output that lie in [low, high) of the input, which is counted from the first padded place.
  NEURON_WORD Range taps(uint32_t position, uint32_t low, uint32_t high) const {
    const uint32_t start = position * stride.divisor;
    const uint32_t first = low > start ? taps_below(low - start) : 0;
    const uint32_t end = high > start ? taps_below(high - start) : 0;
    return {first, end < kernel ? end : kernel};
  }
  NEURON_WORD Range taps_inside(uint32_t position) const { return taps(position, padding, padding + input); }
  // Taps at places before `distance`, in a window without end.
  NEURON_WORD uint32_t taps_below(uint32_t distance) const { return dilation.quotient(distance - 1) + 1; }

  // Where in the input a tap inside it lies.
  NEURON_WORD uint32_t source(uint32_t position, uint32_t tap) const {
    return position * stride.divisor + tap * dilation.divisor - padding;
  }

  // What an average counts along this axis: a window may hang over the padding (ceil mode), and what lies beyond is never counted.
  NEURON_WORD uint32_t counted(uint32_t position, bool with_padding) const {
    return (with_padding ? taps(position, 0, input + 2 * padding) : taps_inside(position)).size();
  }

  // Outputs whose windows may hold `position` of the input; which of their taps does, if any, is said by `tap`.
  NEURON_WORD Range outputs(uint32_t position) const {
    const uint32_t reached = position + padding;
    const uint32_t window = (kernel - 1) * dilation.divisor;
    const uint32_t first = reached > window ? stride.quotient(reached - window + stride.divisor - 1) : 0;
    const uint32_t end = stride.quotient(reached) + 1;
    return {first, end < output ? end : output};
  }
  static constexpr uint32_t no_tap = UINT32_MAX;
  NEURON_WORD uint32_t tap(uint32_t position, uint32_t at_output) const {
    uint32_t distance = position + padding - at_output * stride.divisor;
    return split(distance, dilation) == 0 ? distance : no_tap;
  }
};

// Results of the kernel are points of `result` with their packs of channels; what they gather lies at points of `source`.
template <class Index, bool forward>
struct PoolGrid {
  PoolAxis axis[3];
  Index channels;
  Divider<Index> packs, result[3];

  NEURON_WORD Index source_size(int which) const { return forward ? axis[which].input : axis[which].output; }

  struct Place {
    Index image, first_channel;
    uint32_t position[3];
  };
  template <unsigned width>
  NEURON_WORD Place place(size_t i) const {
    Place place;
    auto rest = static_cast<Index>(i);
    place.first_channel = split(rest, packs) * width;
    for (int which = 3; which-- > 0;) place.position[which] = static_cast<uint32_t>(split(rest, result[which]));
    place.image = rest;
    return place;
  }

  // Calls visit(first element, tap, output position) for everything that is linked to a place, in rising order.
  template <class Visit>
  DEVICE_CODE void visit_links(const Place& place, Visit visit) const {
    const auto& [depth, height, width] = axis;
    const Range planes = links(0, place), lines = links(1, place), columns = links(2, place);
    for (uint32_t d = planes.first; d < planes.end; d++) {
      const Link plane = link(0, place, d);
      if (plane.tap == PoolAxis::no_tap) continue;
      for (uint32_t h = lines.first; h < lines.end; h++) {
        const Link line = link(1, place, h);
        if (line.tap == PoolAxis::no_tap) continue;
        const Index row = ((place.image * source_size(0) + plane.source) * source_size(1) + line.source) * source_size(2);
        const uint32_t taps = (plane.tap * height.kernel + line.tap) * width.kernel;
        for (uint32_t w = columns.first; w < columns.end; w++) {
          const Link column = link(2, place, w);
          if (column.tap == PoolAxis::no_tap) continue;
          const uint32_t at[3] = {plane.source, line.source, column.source};
          visit((row + column.source) * channels + place.first_channel, taps + column.tap, at);
        }
      }
    }
  }

  struct Link {
    uint32_t source, tap;
  };
  // Forward: taps inside the input. Backward: outputs.
  NEURON_WORD Range links(int which, const Place& place) const {
    return forward ? axis[which].taps_inside(place.position[which]) : axis[which].outputs(place.position[which]);
  }
  NEURON_WORD Link link(int which, const Place& place, uint32_t number) const {
    if (forward) return {axis[which].source(place.position[which], number), number};
    return {number, axis[which].tap(place.position[which], number)};
  }
};

}  // namespace spikeship::device
