// Bytes that travel together, whatever they mean: 1, 2, 4, 8 or 16 of them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spikeship::device {

template <unsigned bytes>
struct Unit;
template <>
struct Unit<1> {
  uint8_t value;
};
template <>
struct Unit<2> {
  uint16_t value;
};
template <>
struct Unit<4> {
  uint32_t value;
};
template <>
struct Unit<8> {
  uint64_t value;
};
template <>
struct alignas(16) Unit<16> {
  uint64_t value[2];
};

// Calls use(Unit) with the unit of `bytes` bytes, a power of two up to 16.
template <class Use>
void with_unit(size_t bytes, Use use) {
  switch (bytes) {
    case 1: return use(Unit<1>{});
    case 2: return use(Unit<2>{});
    case 4: return use(Unit<4>{});
    case 8: return use(Unit<8>{});
    default: return use(Unit<16>{});
  }
}

}  // namespace spikeship::device
