// Sizes, reuse and what an empty device says.
#include "device_cache.h"

#include <string>

#include "../failure.h"

namespace spikeship::device {

size_t DeviceCache::rounded(size_t bytes) {
  constexpr size_t small = 512;
  constexpr size_t large = size_t{2} << 20;
  const size_t unit = bytes <= large ? small : large;
  return bytes == 0 ? small : (bytes + unit - 1) / unit * unit;
}

// The smallest kept block that fits, unless more than an eighth of it would be wasted.
void* DeviceCache::kept(size_t capacity) {
  auto& list = capturing_ && !free_in_capture_.empty() ? free_in_capture_ : free_;
  const auto found = list.lower_bound(capacity);
  if (found != list.end() && found->first - capacity <= found->first / 8) {
    void* block = found->second;
    list.erase(found);
    return block;
  }
  if (&list == &free_) return nullptr;
  const auto other = free_.lower_bound(capacity);
  if (other == free_.end() || other->first - capacity > other->first / 8) return nullptr;
  void* block = other->second;
  free_.erase(other);
  return block;
}

void* DeviceCache::fresh(size_t bytes, size_t capacity) {
  void* block = source_.take(capacity);
  // Giving memory back waits for the device, which must not happen in a capture.
  if (block == nullptr && !capturing_) {
    trim();
    block = source_.take(capacity);
  }
  if (block == nullptr) {
    size_t total = 0, free = 0;
    source_.sizes(total, free);
    throw Failure{"NATIVE", "device memory",
                  std::to_string(bytes) + " more bytes beside " + std::to_string(live_) + " in use",
                  std::to_string(free) + " free of " + std::to_string(total),
                  "Use a smaller batch or fewer time steps, or accumulate gradients over several batches."};
  }
  held_ += capacity;
  blocks_[block] = {capacity, true, 0};
  return block;
}

void* DeviceCache::allocate(size_t bytes) {
  const size_t capacity = rounded(bytes);
  void* data = kept(capacity);
  if (data == nullptr) data = fresh(bytes, capacity);
  Block& block = blocks_[data];
  block.live = true;
  if (capturing_) block.graph = under_capture;
  live_ += block.capacity;
  if (live_ > peak_) peak_ = live_;
  return data;
}

void DeviceCache::release(void* data) {
  Block& block = blocks_.at(data);
  block.live = false;
  live_ -= block.capacity;
  // A block of a finished graph waits for `forget`.
  if (block.graph == under_capture && capturing_) free_in_capture_.emplace(block.capacity, data);
  else if (block.graph == 0) free_.emplace(block.capacity, data);
}

void DeviceCache::trim() {
  for (const auto& [capacity, data] : free_) {
    source_.give_back(data);
    blocks_.erase(data);
    held_ -= capacity;
  }
  free_.clear();
}

DeviceMemoryStats DeviceCache::stats() const {
  return {static_cast<double>(live_), static_cast<double>(peak_), static_cast<double>(held_ - live_)};
}

void DeviceCache::end_capture(uint64_t graph) {
  capturing_ = false;
  free_in_capture_.clear();
  for (auto& [data, block] : blocks_) {
    if (block.graph != under_capture) continue;
    block.graph = graph;
    if (graph == 0 && !block.live) free_.emplace(block.capacity, data);
  }
}

void DeviceCache::forget(uint64_t graph) {
  for (auto& [data, block] : blocks_) {
    if (block.graph != graph) continue;
    block.graph = 0;
    if (!block.live) free_.emplace(block.capacity, data);
  }
}

}  // namespace spikeship::device
