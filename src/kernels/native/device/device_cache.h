// Memory of one device, kept for reuse after release: asking the driver for memory stops the device, taking a kept block does not.
// All work of a device runs in order on one stream, so a released block may be handed out again at once.
//
// While a graph is captured its addresses become part of it: blocks that it took stay reserved for it until it is forgotten.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "device_kernels.h"

namespace spikeship::device {

class DeviceCache {
 public:
  // Where blocks come from: `take` returns null when there is no memory left.
  struct Source {
    void* (*take)(size_t bytes);
    void (*give_back)(void* block);
    // Bytes of the device: in all, and not in use by anyone.
    void (*sizes)(size_t& total, size_t& free);
  };

  explicit DeviceCache(Source source) : source_(source) {}

  // Throws a Failure that says how much was asked, is in use and exists when the device has no more, also after `trim`.
  void* allocate(size_t bytes);
  void release(void* block);
  // Gives kept blocks back to the device, except those that belong to a graph.
  void trim();
  DeviceMemoryStats stats() const;

  void begin_capture() { capturing_ = true; }
  // From now on what was taken during the capture belongs to this graph (0: the capture failed and nothing is reserved).
  void end_capture(uint64_t graph);
  void forget(uint64_t graph);

 private:
  struct Block {
    size_t capacity;
    bool live;
    // Taken while a capture is under way, or by a graph: 0 for neither.
    uint64_t graph;
  };
  static constexpr uint64_t under_capture = ~uint64_t{0};
  static size_t rounded(size_t bytes);
  void* kept(size_t capacity);
  void* fresh(size_t bytes, size_t capacity);

  Source source_;
  std::unordered_map<void*, Block> blocks_;
  std::multimap<size_t, void*> free_;
  // Released during the capture that is under way: only it may take them again.
  std::multimap<size_t, void*> free_in_capture_;
  bool capturing_ = false;
  size_t live_ = 0, peak_ = 0, held_ = 0;
};

}  // namespace spikeship::device
