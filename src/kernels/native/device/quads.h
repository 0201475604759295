// Loops over elements in groups of four: one thread reads and writes 16 bytes at a time where addresses allow it, and the last few
// elements, or arrays that begin elsewhere, one by one. The arithmetic of an element does not depend on that.
#pragma once

#include "device_words.h"

namespace spikeship::device {

// `width` numbers that are loaded and stored as one.
template <class Number, unsigned width>
struct alignas(sizeof(Number) * width) Pack {
  Number at[width];
};

// A GPU stops at an address that a pack must not have; the emulated device then has to stop as well.
template <class Packed>
NEURON_WORD void must_be_aligned([[maybe_unused]] const void* address) {
#if !defined(__CUDA_ARCH__)
  if (reinterpret_cast<uintptr_t>(address) % alignof(Packed) != 0) __builtin_trap();
#endif
}

template <unsigned width, class Number>
NEURON_WORD Pack<Number, width> load(const Number* from) {
  must_be_aligned<Pack<Number, width>>(from);
  return *reinterpret_cast<const Pack<Number, width>*>(from);
}

template <class Number, unsigned width>
NEURON_WORD void store(Number* to, const Pack<Number, width>& pack) {
  must_be_aligned<Pack<Number, width>>(to);
  *reinterpret_cast<Pack<Number, width>*>(to) = pack;
}

// Whether an array begins where packs of `bytes` may be read. Null does: nothing is read there.
inline bool aligned_to(size_t bytes, const void* data) { return reinterpret_cast<uintptr_t>(data) % bytes == 0; }

constexpr size_t quads(size_t count) { return count / 4 + (count % 4 != 0 ? 1 : 0); }

// element(x, y): the results y of one place from the inputs x of that place. An output may be one of the inputs.
template <class Element, unsigned inputs, unsigned outputs>
struct EachQuad {
  const float* in[inputs];
  float* out[outputs];
  size_t count;
  bool wide;
  Element element;

  DEVICE_CODE void operator()(size_t quad) const {
    const size_t first = 4 * quad;
    if (wide && first + 4 <= count) four(first);
    else for (size_t i = first; i < count && i < first + 4; i++) one(i);
  }

  DEVICE_CODE void four(size_t first) const {
    Pack<float, 4> given[inputs], made[outputs];
    for (unsigned array = 0; array < inputs; array++) given[array] = load<4>(in[array] + first);
    for (unsigned place = 0; place < 4; place++) {
      float x[inputs], y[outputs];
      for (unsigned array = 0; array < inputs; array++) x[array] = given[array].at[place];
      element(x, y);
      for (unsigned array = 0; array < outputs; array++) made[array].at[place] = y[array];
    }
    for (unsigned array = 0; array < outputs; array++) store(out[array] + first, made[array]);
  }

  DEVICE_CODE void one(size_t i) const {
    float x[inputs], y[outputs];
    for (unsigned array = 0; array < inputs; array++) x[array] = in[array][i];
    element(x, y);
    for (unsigned array = 0; array < outputs; array++) out[array][i] = y[array];
  }
};

template <class Element, unsigned inputs, unsigned outputs>
void for_elements(size_t count, const float* const (&in)[inputs], float* const (&out)[outputs], Element element, const char* what) {
  EachQuad<Element, inputs, outputs> body{{}, {}, count, true, element};
  for (unsigned array = 0; array < inputs; array++) {
    body.in[array] = in[array];
    body.wide = body.wide && aligned_to(16, in[array]);
  }
  for (unsigned array = 0; array < outputs; array++) {
    body.out[array] = out[array];
    body.wide = body.wide && aligned_to(16, out[array]);
  }
  for_each(quads(count), body, what);
}

}  // namespace spikeship::device
