// One thread's elements of a neuron scan, and how their numbers go to and from memory.
#pragma once

#include "neuron_arguments.h"
#include "neuron_block.h"
#include "stored_numbers.h"

namespace spikeship::device {

// Calls use(a number of the stored type). All threads take the same way.
template <class Use>
DEVICE_CODE void with_type(ActivationType type, Use use) {
  if (type == ActivationType::float32) use(float{});
  else if (type == ActivationType::float16) use(Float16{});
  else use(BFloat16{});
}

// `width` numbers that are loaded and stored as one.
template <class Number, int width>
struct alignas(sizeof(Number) * width) Group {
  Number at[width];
};

// As one store, in the processor's own words: the compiler takes a struct apart and stores number by number where the address comes late.
template <class Number, int width>
DEVICE_CODE void write_group(Number* to, const Group<Number, width>& group) {
#if defined(__CUDA_ARCH__)
  const size_t at = __cvta_generic_to_global(to);
  if constexpr (sizeof group == 16) {
    const uint4 bits = __builtin_bit_cast(uint4, group);
    asm volatile("st.global.v4.b32 [%0], {%1, %2, %3, %4};" ::"l"(at), "r"(bits.x), "r"(bits.y), "r"(bits.z), "r"(bits.w) : "memory");
  } else if constexpr (sizeof group == 8) {
    const uint2 bits = __builtin_bit_cast(uint2, group);
    asm volatile("st.global.v2.b32 [%0], {%1, %2};" ::"l"(at), "r"(bits.x), "r"(bits.y) : "memory");
  } else {
    asm volatile("st.global.b32 [%0], %1;" ::"l"(at), "r"(__builtin_bit_cast(uint32_t, group)) : "memory");
  }
#else
  *reinterpret_cast<Group<Number, width>*>(to) = group;
#endif
}

// The `width` elements of a thread: neighbours where groups may be read, else as far apart as the block has threads, so that the threads'
// accesses are neighbours.
template <int width>
struct Lane {
  size_t first;
  unsigned stride;
  // Bit j: element j exists.
  unsigned valid;
  bool wide;

  DEVICE_CODE Lane(const ScanShape& shape, const NeuronBlock& block, unsigned thread) : wide(shape.wide) {
    const size_t tile = static_cast<size_t>(block.index) * block.threads * width;
    first = tile + (wide ? thread * width : thread);
    stride = wide ? 1 : block.threads;
    valid = 0;
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) valid |= (first + static_cast<size_t>(j) * stride < shape.elements ? 1u : 0u) << j;
  }
  DEVICE_CODE bool has(int j) const { return (valid >> j & 1u) != 0; }
};

template <class Stored, int width>
DEVICE_CODE void read_as(const void* base, size_t row, const Lane<width>& lane, float (&to)[width]) {
  const Stored* from = static_cast<const Stored*>(base) + row + lane.first;
  if (lane.wide) {
    if (lane.valid == 0) return;
    const auto group = *reinterpret_cast<const Group<Stored, width>*>(from);
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) to[j] = widened(group.at[j]);
  } else {
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) {
      if (lane.has(j)) to[j] = widened(from[static_cast<size_t>(j) * lane.stride]);
    }
  }
}

template <class Stored, int width>
DEVICE_CODE void write_as(void* base, size_t row, const Lane<width>& lane, const float (&values)[width]) {
  Stored* to = static_cast<Stored*>(base) + row + lane.first;
  if (lane.wide) {
    if (lane.valid == 0) return;
    Group<Stored, width> group;
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) narrow(values[j], group.at[j]);
    write_group(to, group);
  } else {
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) {
      if (lane.has(j)) narrow(values[j], to[static_cast<size_t>(j) * lane.stride]);
    }
  }
}

// Elements that do not exist, and those of an absent array, are 0.
template <int width>
DEVICE_CODE void clear(float (&values)[width]) {
  SPIKESHIP_UNROLL
  for (int j = 0; j < width; j++) values[j] = 0.0f;
}

template <int width>
DEVICE_CODE void read_states(const float* states, const Lane<width>& lane, float (&to)[width]) {
  clear(to);
  if (states) read_as<float>(states, 0, lane, to);
}

template <int width>
DEVICE_CODE void read_row(const ScanShape& shape, const void* base, size_t t, const Lane<width>& lane, float (&to)[width]) {
  clear(to);
  if (base) with_type(shape.type, [&](auto number) { read_as<decltype(number)>(base, t * shape.elements, lane, to); });
}

template <int width>
DEVICE_CODE void write_row(const ScanShape& shape, void* base, size_t t, const Lane<width>& lane, const float (&values)[width]) {
  with_type(shape.type, [&](auto number) { write_as<decltype(number)>(base, t * shape.elements, lane, values); });
}

// Rows as they came from memory: packed numbers of the sequence's type where groups are read, else float32.
template <int width>
struct RowsAhead {
  Group<uint32_t, width> words[steps_ahead];
};

// Rows first, first + by, ... (`count` of them, at most steps_ahead): all are asked for before the first is needed. They are widened later
// (`widen`), because a number of 16 bits that is widened here would be waited for here. Missing rows are 0.
template <int width>
DEVICE_CODE void read_ahead(const ScanShape& shape, const void* base, size_t first, int by, size_t count, const Lane<width>& lane,
                            RowsAhead<width>& to) {
  SPIKESHIP_UNROLL
  for (unsigned c = 0; c < steps_ahead; c++) to.words[c] = {};
  if (!base || lane.valid == 0) return;
  with_type(shape.type, [&](auto number) {
    using Stored = decltype(number);
    using Numbers = Group<Stored, width>;
    using Words = Group<uint32_t, sizeof(Numbers) / sizeof(uint32_t)>;
    const auto row = [&](unsigned c) { return (by == 0 ? first : by > 0 ? first + c : first - c) * shape.elements; };
    const Stored* const from = static_cast<const Stored*>(base) + lane.first;
    if (!lane.wide) {
      SPIKESHIP_UNROLL
      for (unsigned c = 0; c < steps_ahead; c++) {
        float values[width];
        clear(values);
        if (c < count) read_as<Stored>(base, row(c), lane, values);
        SPIKESHIP_UNROLL
        for (int j = 0; j < width; j++) to.words[c].at[j] = __builtin_bit_cast(uint32_t, values[j]);
      }
      return;
    }
    SPIKESHIP_UNROLL
    for (unsigned c = 0; c < steps_ahead; c++) {
      if (c < count) {
        const auto words = __builtin_bit_cast(Words, *reinterpret_cast<const Numbers*>(from + row(c)));
        SPIKESHIP_UNROLL
        for (unsigned w = 0; w < sizeof(Words) / sizeof(uint32_t); w++) to.words[c].at[w] = words.at[w];
      }
    }
  });
}

template <int width>
DEVICE_CODE void widen(const ScanShape& shape, const Lane<width>& lane, const RowsAhead<width>& from, float (&to)[steps_ahead][width]) {
  with_type(lane.wide ? shape.type : ActivationType::float32, [&](auto number) {
    using Numbers = Group<decltype(number), width>;
    using Words = Group<uint32_t, sizeof(Numbers) / sizeof(uint32_t)>;
    SPIKESHIP_UNROLL
    for (unsigned c = 0; c < steps_ahead; c++) {
      Words words;
      SPIKESHIP_UNROLL
      for (unsigned w = 0; w < sizeof(Words) / sizeof(uint32_t); w++) words.at[w] = from.words[c].at[w];
      const auto numbers = __builtin_bit_cast(Numbers, words);
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) to[c][j] = widened(numbers.at[j]);
    }
  });
}

// Brings rows of the input to what the neuron gets: x * scale + offset of the element's channel.
template <int width>
class Normaliser {
 public:
  DEVICE_CODE Normaliser(const InputTerms& terms, const Lane<width>& lane)
      : terms_(terms), lane_(lane), channel_(terms.scale ? channel_of(lane.first) : 0) {}

  template <unsigned rows>
  DEVICE_CODE void operator()(float (&x)[rows][width]) const {
    if (!terms_.scale || lane_.valid == 0) return;
    float scale[width], offset[width];
    read(terms_.scale, scale);
    read(terms_.offset, offset);
    SPIKESHIP_UNROLL
    for (unsigned c = 0; c < rows; c++) {
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) x[c][j] = x[c][j] * scale[j] + offset[j];
    }
  }

 private:
  DEVICE_CODE size_t channel_of(size_t element) const {
    // Dividing 64 bits takes many times as long.
    if (element <= 0xffffffffu) return static_cast<uint32_t>(element) % static_cast<uint32_t>(terms_.channels);
    return element % terms_.channels;
  }

  DEVICE_CODE void read(const float* from, float (&to)[width]) const {
    if (terms_.wide) {
      const auto group = *reinterpret_cast<const Group<float, width>*>(from + channel_);
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) to[j] = group.at[j];
    } else {
      SPIKESHIP_UNROLL
      for (int j = 0; j < width; j++) to[j] = from[channel_of(lane_.first + static_cast<size_t>(j) * lane_.stride)];
    }
  }

  const InputTerms& terms_;
  const Lane<width>& lane_;
  size_t channel_;
};

// Bit j of `fired` is the spike of the thread's element j. All threads of a warp come here together.
template <int width>
DEVICE_CODE void write_bits(const ScanShape& shape, uint32_t* words, size_t t, const Lane<width>& lane, unsigned fired) {
  uint32_t* row = words + t * ((shape.elements + 31) / 32);
  fired &= lane.valid;
#if defined(__CUDA_ARCH__)
  if (lane.wide) {
    uint32_t word = fired << (lane.first & 31);
    SPIKESHIP_UNROLL
    for (int other = 1; other < 32 / width; other *= 2) word |= __shfl_xor_sync(0xffffffffu, word, other);
    if (lane.valid != 0 && (lane.first & 31) == 0) row[lane.first / 32] = word;
  } else {
    SPIKESHIP_UNROLL
    for (int j = 0; j < width; j++) {
      const uint32_t word = __ballot_sync(0xffffffffu, fired >> j & 1u);
      const size_t element = lane.first + static_cast<size_t>(j) * lane.stride;
      if (lane.has(j) && (element & 31) == 0) row[element / 32] = word;
    }
  }
#else
  for (int j = 0; j < width; j++) {
    const size_t element = lane.first + static_cast<size_t>(j) * lane.stride;
    if (!lane.has(j)) continue;
    // Threads run in order here: the first of a word begins it.
    const uint32_t before = (element & 31) == 0 ? 0 : row[element / 32];
    row[element / 32] = before | (fired >> j & 1u) << (element & 31);
  }
#endif
}

}  // namespace spikeship::device
