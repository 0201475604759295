// Loops over elements in groups of four: one thread reads and writes 16 bytes at a time (8 of 16-bit numbers) where addresses allow it, and the last few
// elements, or arrays that begin elsewhere, one by one. The arithmetic of an element does not depend on that.
#pragma once

#include "factor_types.h"

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

// element(x, y): the results y of one place from the inputs x of that place, as floats. An output may be one of the inputs.
template <class Number, class Element, unsigned inputs, unsigned outputs>
struct EachQuad {
  const Number* in[inputs];
  Number* out[outputs];
  size_t count;
  bool wide;
  Element element;

  DEVICE_CODE void operator()(size_t quad) const {
    const size_t first = 4 * quad;
    if (wide && first + 4 <= count) four(first);
    else for (size_t i = first; i < count && i < first + 4; i++) one(i);
  }

  DEVICE_CODE void four(size_t first) const {
    Pack<Number, 4> given[inputs], made[outputs];
    for (unsigned array = 0; array < inputs; array++) given[array] = load<4>(in[array] + first);
    for (unsigned place = 0; place < 4; place++) {
      float x[inputs], y[outputs];
      for (unsigned array = 0; array < inputs; array++) x[array] = widened(given[array].at[place]);
      element(x, y);
      for (unsigned array = 0; array < outputs; array++) narrow(y[array], made[array].at[place]);
    }
    for (unsigned array = 0; array < outputs; array++) store(out[array] + first, made[array]);
  }

  DEVICE_CODE void one(size_t i) const {
    float x[inputs], y[outputs];
    for (unsigned array = 0; array < inputs; array++) x[array] = widened(in[array][i]);
    element(x, y);
    for (unsigned array = 0; array < outputs; array++) narrow(y[array], out[array][i]);
  }
};

template <class Number, class Element, unsigned inputs, unsigned outputs>
void for_numbers(size_t count, const Number* const (&in)[inputs], Number* const (&out)[outputs], Element element, const char* what) {
  EachQuad<Number, Element, inputs, outputs> body{{}, {}, count, true, element};
  for (unsigned array = 0; array < inputs; array++) {
    body.in[array] = in[array];
    body.wide = body.wide && aligned_to(4 * sizeof(Number), in[array]);
  }
  for (unsigned array = 0; array < outputs; array++) {
    body.out[array] = out[array];
    body.wide = body.wide && aligned_to(4 * sizeof(Number), out[array]);
  }
  for_each(quads(count), body, what);
}

template <class Element, unsigned inputs, unsigned outputs>
void for_elements(size_t count, const float* const (&in)[inputs], float* const (&out)[outputs], Element element, const char* what) {
  for_numbers<float>(count, in, out, element, what);
}

}  // namespace spikeship::device
