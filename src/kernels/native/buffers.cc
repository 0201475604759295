// The table of buffers, and exact accounting of what is live.
#include "buffers.h"

#include <atomic>
#include <cmath>
#include <string>

#include "device/device_kernels.h"
#include "failure.h"

namespace spikeship {
namespace {

// A number has 53 exact bits: thread tag, generation, slot.
constexpr uint64_t slot_bits = 22;
constexpr uint64_t generation_bits = 25;
constexpr uint64_t tag_count = 63;
constexpr uint64_t slot_mask = (uint64_t{1} << slot_bits) - 1;
constexpr uint64_t generation_mask = (uint64_t{1} << generation_bits) - 1;

std::string written(double id) {
  return std::isfinite(id) && std::floor(id) == id && std::fabs(id) < 1e18 ? std::to_string(static_cast<int64_t>(id))
                                                                           : std::to_string(id);
}

}  // namespace

void Buffer::too_short(size_t count, size_t element_bytes, const char* what) const {
  throw Failure{"SHAPE", what,
                "a buffer of at least " + std::to_string(count) + " elements of " + std::to_string(element_bytes) + " bytes",
                std::to_string(bytes) + " bytes", "Check the shapes that were given."};
}

Buffers::Buffers() {
  static std::atomic<uint64_t> environments{0};
  tag_ = environments.fetch_add(1) % tag_count + 1;
  slots_.resize(1);  // slot 0 is never used: number 0 means "no buffer"
}

Buffers::~Buffers() {
  for (Slot& slot : slots_) {
    if (slot.live) give_back(slot);
  }
}

void Buffers::give_back(Slot& slot) {
  if (!slot.placed) return;
  if (slot.device == cpu_device) allocator_.give_back(slot.block);
  else Devices::at(slot.device)->release(slot.block.data, slot.bytes);
}

void Buffers::place(Slot& slot, DeviceNumber device) {
  if (device == cpu_device) slot.block = allocator_.take(slot.bytes);
  else slot.block = {Devices::at(device)->allocate(slot.bytes), slot.bytes};
  slot.device = device;
  slot.placed = true;
}

double Buffers::take_slot(size_t bytes) {
  if (free_slots_.empty() && slots_.size() > slot_mask) {
    throw Failure{"NATIVE", "memory", "at most " + std::to_string(slot_mask) + " live buffers", "one more",
                  "Dispose tensors that are no longer needed."};
  }
  uint32_t index = 0;
  if (free_slots_.empty()) {
    index = static_cast<uint32_t>(slots_.size());
    slots_.emplace_back();
  } else {
    index = free_slots_.back();
    free_slots_.pop_back();
  }
  Slot& slot = slots_[index];
  slot.block = {};
  slot.bytes = bytes;
  slot.live = true;
  slot.placed = false;
  live_buffers_++;
  live_bytes_ += bytes;
  if (live_bytes_ > peak_bytes_) peak_bytes_ = live_bytes_;
  return static_cast<double>((tag_ << (slot_bits + generation_bits)) | (uint64_t{slot.generation} << slot_bits) | index);
}

double Buffers::alloc(size_t bytes) {
  if (!Devices::opened()) return alloc_on(cpu_device, bytes);
  return take_slot(bytes);
}

double Buffers::alloc_on(DeviceNumber device, size_t bytes) {
  const double id = take_slot(bytes);
  try {
    place(slots_[slot_of(id)], device);
  } catch (...) {
    release(id);
    throw;
  }
  return id;
}

size_t Buffers::slot_of(double id) const {
  if (id >= 1 && id < 9007199254740992.0 && std::floor(id) == id) {
    const auto number = static_cast<uint64_t>(id);
    const uint64_t index = number & slot_mask;
    const uint64_t generation = (number >> slot_bits) & generation_mask;
    if (number >> (slot_bits + generation_bits) == tag_ && index < slots_.size() && slots_[index].live &&
        slots_[index].generation == generation) {
      return index;
    }
  }
  throw Failure{"NATIVE", "native memory", "a live buffer of this thread", written(id) + ", released or never handed out",
                "Do not use memory after release()."};
}

void Buffers::release(double id) {
  const size_t index = slot_of(id);
  Slot& slot = slots_[index];
  give_back(slot);
  slot.live = false;
  slot.generation = (slot.generation + 1) & generation_mask;
  live_buffers_--;
  live_bytes_ -= slot.bytes;
  free_slots_.push_back(static_cast<uint32_t>(index));
}

Buffer Buffers::at(double id) {
  const size_t index = slot_of(id);
  Slot& slot = slots_[index];
  if (noting_) {
    noted_.push_back(index);
    return {nullptr, slot.bytes, slot.device};
  }
  if (!slot.placed) place(slot, default_device_);
  return {slot.block.data, slot.bytes, slot.device};
}

DeviceNumber Buffers::device_of(double id) {
  Slot& slot = slots_[slot_of(id)];
  if (!slot.placed) place(slot, default_device_);
  return slot.device;
}

void Buffers::begin_noting() {
  noting_ = true;
  noted_.clear();
}

DeviceNumber Buffers::end_noting(bool mixed) {
  noting_ = false;
  DeviceNumber device = default_device_;
  bool known = false;
  for (const size_t index : noted_) {
    const Slot& slot = slots_[index];
    if (!slot.placed) continue;
    if (!known) device = slot.device;
    known = true;
    if (slot.device == device || mixed) continue;
    throw Failure{"VALUE", "devices", "tensors of one device", Devices::name(device) + " and " + Devices::name(slot.device),
                  "Move one of them with tensor.to(device), or the network with network.to(device)."};
  }
  for (const size_t index : noted_) {
    if (!slots_[index].placed) place(slots_[index], device);
  }
  return device;
}

MemoryStats Buffers::stats() const { return {live_buffers_, live_bytes_, peak_bytes_, allocator_.cached_bytes()}; }

void* Workspace::bytes(size_t count) {
  if (count > block_.capacity) {
    release();
    block_ = allocator_.take(count);
  }
  return block_.data;
}

void Workspace::release() {
  if (block_.data != nullptr) allocator_.give_back(block_);
  block_ = {};
}

}  // namespace spikeship
