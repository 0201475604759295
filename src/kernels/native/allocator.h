// Memory blocks, 64-byte aligned, kept for reuse after release. It knows sizes, not who holds a block (buffers.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>

namespace spikeship {

struct Block {
  void* data = nullptr;
  size_t capacity = 0;
};

class Allocator {
 public:
  Allocator() = default;
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator() { trim(); }

  // A block of at least `bytes`. Throws Failure when the system refuses even after the cache was given back.
  Block take(size_t bytes);
  void give_back(Block block);
  // Returns all cached blocks to the system.
  void trim();

  size_t cached_bytes() const { return cached_; }
  // Everything held from the system: handed out and cached.
  size_t footprint() const { return in_use_ + cached_; }

 private:
  struct Cached {
    void* data;
    uint64_t released_at;
  };
  static constexpr size_t class_count = 256;

  void bound_cache();
  void evict_oldest();

  std::array<std::deque<Cached>, class_count> free_;
  uint64_t clock_ = 0;
  size_t in_use_ = 0;
  size_t cached_ = 0;
  size_t high_water_ = 0;
};

}  // namespace spikeship
