// What the kernels' files need of the device they run on. runtime_cuda.cu answers with CUDA, runtime_emulated.cc with the CPU.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device_cache.h"
#include "device_kernels.h"

namespace spikeship::device {

// The device of this thread's calls, and its memory.
DeviceCache& cache();

// Memory for intermediate values of one call; released when it goes out of scope, in order with the work that uses it.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : data_(cache().allocate(bytes)) {}
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { cache().release(data_); }
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
};

// True while calls are recorded into a graph. What must wait for the device, or must differ from replay to replay, is refused then.
bool capturing();
// Throws the Failure that says so.
void refuse_in_capture(const char* what);

// A few numbers from the device; waits for all work before it.
void fetch(const void* from, void* host, size_t bytes);

std::vector<DeviceInfo> devices(std::string& why_none);
std::string driver();
void use(int device);
void* allocate(size_t bytes);
void release(void* memory, size_t bytes);
void upload(void* to, const void* host, size_t bytes);
void download(const void* from, void* host, size_t bytes);
void copy(const void* from, void* to, size_t bytes);
void copy_between(int from_device, const void* from, int to_device, void* to, size_t bytes);
void synchronize();
DeviceMemoryStats memory();
void trim();
void begin_capture();
uint64_t end_capture();
void abort_capture();
void replay(uint64_t graph);
void forget(uint64_t graph);

}  // namespace spikeship::device
