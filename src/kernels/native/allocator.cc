// Size classes, the cache and its bound, and how memory is asked of the system.
#include "allocator.h"

#include <sys/mman.h>

#include <bit>
#include <cstdlib>

#include "failure.h"

namespace spikeship {
namespace {

constexpr size_t alignment = 64;
// From here on blocks are mapped directly, so that giving them back really returns them, and may use huge pages.
constexpr size_t mapped_from = size_t{2} << 20;
constexpr size_t largest = size_t{1} << 46;
// What the cache may hold beyond the most that was ever in use: room for a change of shapes without thrashing.
constexpr size_t cache_slack = size_t{64} << 20;

struct SizeClass {
  size_t index;
  size_t capacity;
};

// Four classes for each doubling: a block wastes at most a quarter, and tensors of similar sizes share blocks.
SizeClass size_class(size_t bytes) {
  if (bytes <= 4 * alignment) {
    const size_t units = bytes <= alignment ? 1 : (bytes + alignment - 1) / alignment;
    return {units - 1, units * alignment};
  }
  const size_t exponent = std::bit_width(bytes - 1) - 1;
  const size_t step = size_t{1} << (exponent - 2);
  const size_t steps = (bytes + step - 1) / step;  // 5 to 8
  return {exponent * 4 + steps - 5, steps * step};
}

void* map_block(size_t capacity) {
  const size_t total = capacity + mapped_from;
  void* raw = mmap(nullptr, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (raw == MAP_FAILED) return nullptr;
  const auto start = reinterpret_cast<uintptr_t>(raw);
  const uintptr_t aligned = (start + mapped_from - 1) / mapped_from * mapped_from;
  if (aligned > start) munmap(raw, aligned - start);
  const size_t behind = start + total - (aligned + capacity);
  if (behind > 0) munmap(reinterpret_cast<void*>(aligned + capacity), behind);
#if defined(MADV_HUGEPAGE)
  madvise(reinterpret_cast<void*>(aligned), capacity, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<void*>(aligned);
}

void* system_take(size_t capacity) {
  return capacity >= mapped_from ? map_block(capacity) : std::aligned_alloc(alignment, capacity);
}

void system_give_back(void* data, size_t capacity) {
  if (capacity >= mapped_from) munmap(data, capacity);
  else std::free(data);
}

size_t class_capacity(size_t index) {
  if (index < 4) return (index + 1) * alignment;
  return (index % 4 + 5) << (index / 4 - 2);
}

}  // namespace

Block Allocator::take(size_t bytes) {
  if (bytes > largest) {
    throw Failure{"NATIVE", "memory", "at most " + std::to_string(largest) + " bytes", std::to_string(bytes), ""};
  }
  const auto [index, capacity] = size_class(bytes);
  auto& list = free_[index];
  void* data = nullptr;
  if (!list.empty()) {
    data = list.back().data;
    list.pop_back();
    cached_ -= capacity;
  } else {
    data = system_take(capacity);
    if (data == nullptr) {
      trim();
      data = system_take(capacity);
    }
    if (data == nullptr) {
      throw Failure{"NATIVE", "memory", std::to_string(bytes) + " more bytes beside " + std::to_string(in_use_) + " in use",
                    "a refusal of the system", "Use a smaller batch, or dispose tensors that are no longer needed."};
    }
  }
  in_use_ += capacity;
  if (in_use_ > high_water_) high_water_ = in_use_;
  bound_cache();
  return {data, capacity};
}

void Allocator::give_back(Block block) {
  free_[size_class(block.capacity).index].push_back({block.data, clock_++});
  in_use_ -= block.capacity;
  cached_ += block.capacity;
}

void Allocator::bound_cache() {
  while (cached_ > 0 && footprint() > high_water_ + high_water_ / 4 + cache_slack) evict_oldest();
}

void Allocator::evict_oldest() {
  size_t oldest = class_count;
  for (size_t index = 0; index < class_count; index++) {
    if (free_[index].empty()) continue;
    if (oldest == class_count || free_[index].front().released_at < free_[oldest].front().released_at) oldest = index;
  }
  const size_t capacity = class_capacity(oldest);
  system_give_back(free_[oldest].front().data, capacity);
  free_[oldest].pop_front();
  cached_ -= capacity;
}

void Allocator::trim() {
  for (size_t index = 0; index < class_count; index++) {
    for (const Cached& cached : free_[index]) system_give_back(cached.data, class_capacity(index));
    free_[index].clear();
  }
  cached_ = 0;
  high_water_ = in_use_;
}

}  // namespace spikeship
