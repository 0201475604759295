// Buffers handed to JavaScript: numbers that name a slot and its generation. A number that was released, or that comes from
// another thread, is an error and never a crash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "activations.h"
#include "allocator.h"
#include "devices.h"

namespace spikeship {

// A resolved buffer, in memory of the device of the call. `as` checks the length before it gives the pointer out.
struct Buffer {
  void* data = nullptr;
  size_t bytes = 0;
  DeviceNumber device = cpu_device;

  // Pointer to at least `count` elements. `what` names kernel and argument for the message.
  template <class T>
  T* as(size_t count, const char* what) const {
    if (count > bytes / sizeof(T)) too_short(count, sizeof(T), what);
    return static_cast<T*>(data);
  }
  float* floats(size_t count, const char* what) const { return as<float>(count, what); }
  // Pointer to at least `count` numbers of a type.
  void* numbers(size_t count, ActivationType type, const char* what) const {
    if (type == ActivationType::float32) return as<float>(count, what);
    return as<uint16_t>(count, what);
  }
  [[noreturn]] void too_short(size_t count, size_t element_bytes, const char* what) const;
};

// A buffer that may be absent (number 0): null pointers instead of data.
struct OptionalBuffer : Buffer {
  bool present() const { return data != nullptr; }
  float* floats(size_t count, const char* what) const { return present() ? as<float>(count, what) : nullptr; }
  void* numbers(size_t count, ActivationType type, const char* what) const {
    return present() ? Buffer::numbers(count, type, what) : nullptr;
  }
};

struct MemoryStats {
  size_t live_buffers = 0;
  size_t live_bytes = 0;
  size_t peak_bytes = 0;
  size_t cached_bytes = 0;
};

class Buffers {
 public:
  Buffers();
  Buffers(const Buffers&) = delete;
  Buffers& operator=(const Buffers&) = delete;
  ~Buffers();
  // Memory on no device yet: the first call that is given the buffer places it. Where no device library is open, on the CPU at once.
  double alloc(size_t bytes);
  double alloc_on(DeviceNumber device, size_t bytes);
  void release(double id);
  // While a call's buffers are noted, only that they are live is checked, and data is null.
  Buffer at(double id);
  // The device on which a buffer lies; one that lies nowhere yet is placed on the default device.
  DeviceNumber device_of(double id);

  // Where calls run whose buffers lie nowhere yet.
  void set_default_device(DeviceNumber device) { default_device_ = device; }

  // Around a first look at the arguments of a call: which device they are on. Buffers that lie nowhere yet are placed there.
  void begin_noting();
  // `mixed`: the call may be given buffers of several devices. Its device is then that of the first.
  DeviceNumber end_noting(bool mixed);
  void abandon_noting() { noting_ = false; }
  MemoryStats stats() const;
  void reset_peak() { peak_bytes_ = live_bytes_; }
  Allocator& allocator() { return allocator_; }

 private:
  struct Slot {
    Block block;
    size_t bytes = 0;
    uint32_t generation = 0;
    bool live = false;
    bool placed = false;
    DeviceNumber device = cpu_device;
  };
  size_t slot_of(double id) const;
  double take_slot(size_t bytes);
  void place(Slot& slot, DeviceNumber device);
  void give_back(Slot& slot);

  Allocator allocator_;
  std::vector<Slot> slots_;
  std::vector<uint32_t> free_slots_;
  uint64_t tag_;
  size_t live_buffers_ = 0;
  size_t live_bytes_ = 0;
  size_t peak_bytes_ = 0;
  DeviceNumber default_device_ = cpu_device;
  bool noting_ = false;
  std::vector<size_t> noted_;
};

// Memory for intermediate values of one kernel, grown when needed and kept. Counted as cached.
class Workspace {
 public:
  explicit Workspace(Allocator& allocator) : allocator_(allocator) {}
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() { release(); }
  void* bytes(size_t count);
  double* doubles(size_t count) { return static_cast<double*>(bytes(count * sizeof(double))); }
  void release();
  size_t capacity() const { return block_.capacity; }

 private:
  Allocator& allocator_;
  Block block_;
};

}  // namespace spikeship
