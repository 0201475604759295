// Division by a number that is known before the kernel starts: a multiplication and a shift where 32 bits are enough (Granlund and
// Montgomery, "Division by Invariant Integers using Multiplication", PLDI 1994, figure 4.1). The processor has no division of its own.
#pragma once

#include <cstdint>

#include "device_words.h"

namespace spikeship::device {

template <class Index>
struct Divider;

template <>
struct Divider<uint32_t> {
  uint32_t divisor = 1, multiplier = 1, shift = 0;

  Divider() = default;
  explicit Divider(size_t number) : divisor(static_cast<uint32_t>(number)) {
    while (shift < 32 && uint64_t{1} << shift < number) shift++;
    multiplier = static_cast<uint32_t>((((uint64_t{1} << shift) - number) << 32) / number + 1);
  }
  NEURON_WORD uint32_t quotient(uint32_t value) const {
    return static_cast<uint32_t>(((uint64_t{value} * multiplier >> 32) + value) >> shift);
  }
};

template <>
struct Divider<uint64_t> {
  uint64_t divisor = 1;

  Divider() = default;
  explicit Divider(size_t number) : divisor(number) {}
  NEURON_WORD uint64_t quotient(uint64_t value) const { return value / divisor; }
};

// Splits `value` into quotient and rest; returns the rest and leaves the quotient in `value`.
template <class Index>
NEURON_WORD Index split(Index& value, const Divider<Index>& by) {
  const Index quotient = by.quotient(value);
  const Index rest = value - quotient * by.divisor;
  value = quotient;
  return rest;
}

// Calls use(Index{}) with an index type that reaches all of 0 .. count - 1.
template <class Use>
void with_index(size_t count, Use use) {
  if (count <= uint64_t{1} << 32) use(uint32_t{});
  else use(uint64_t{});
}

}  // namespace spikeship::device
