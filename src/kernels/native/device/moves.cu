// Strided copies, in units as wide as sizes, strides and addresses allow.
#include "device_runtime.h"
#include "divider.h"
#include "kernels.h"
#include "units.h"

namespace spikeship::device {
namespace {

// The widest unit of which `bytes` and every address are whole multiples.
size_t unit_of(size_t bytes, const void* x, const void* out) {
  const size_t together = bytes | reinterpret_cast<uintptr_t>(x) | reinterpret_cast<uintptr_t>(out) | 16;
  return together & (~together + 1);
}

template <class T, class Index>
struct CopyStrided {
  Divider<Index> block;
  size_t source_stride, target_stride;
  const T* source;
  T* target;
  DEVICE_CODE void operator()(size_t i) const {
    auto row = static_cast<Index>(i);
    const Index at = split(row, block);
    target[row * target_stride + at] = source[row * source_stride + at];
  }
};

bool overlap(const StridedCopy& plan, const uint8_t* source, const uint8_t* target) {
  const size_t source_bytes = (plan.rows - 1) * plan.source_stride + plan.block;
  const size_t target_bytes = (plan.rows - 1) * plan.target_stride + plan.block;
  return source < target + target_bytes && target < source + source_bytes;
}

}  // namespace

void copy_strided(const StridedCopy& plan, const void* source, void* target) {
  if (plan.rows == 0 || plan.block == 0) return;
  const auto* from = static_cast<const uint8_t*>(source);
  auto* to = static_cast<uint8_t*>(target);
  if (plan.rows == 1 || (plan.source_stride == plan.block && plan.target_stride == plan.block)) {
    if (!overlap(plan, from, to)) return copy(source, target, plan.rows * plan.block);
  }
  if (overlap(plan, from, to) || (plan.rows > 1 && plan.target_stride < plan.block)) {
    // Rows that meet each other: one after the other, as on the CPU.
    const Scratch row_bytes(plan.block);
    for (size_t row = 0; row < plan.rows; row++) {
      copy(from + row * plan.source_stride, row_bytes.as<uint8_t>(), plan.block);
      copy(row_bytes.as<uint8_t>(), to + row * plan.target_stride, plan.block);
    }
    return;
  }
  const size_t bytes = unit_of(plan.block | plan.source_stride | plan.target_stride, source, target);
  const size_t count = plan.rows * (plan.block / bytes);
  with_index(count, [&](auto index) {
    using Index = decltype(index);
    with_unit(bytes, [&](auto unit) {
      using T = decltype(unit);
      for_each(count, CopyStrided<T, Index>{Divider<Index>(plan.block / bytes), plan.source_stride / bytes, plan.target_stride / bytes,
                                            static_cast<const T*>(source), static_cast<T*>(target)}, "copyStrided");
    });
  });
}

}  // namespace spikeship::device
