// The part of the runtime that is the same on every device: memory through its cache.
#include <string>

#include "../failure.h"
#include "device_runtime.h"

namespace spikeship::device {

void refuse_in_capture(const char* what) {
  if (!capturing()) return;
  throw Failure{"STATE", what, "work that a recorded step can repeat", "a step that is being recorded",
                "This network needs steps that are not recorded: set training.graph to false."};
}

void* allocate(size_t bytes) { return cache().allocate(bytes); }
void release(void* memory, size_t) { cache().release(memory); }
DeviceMemoryStats memory() { return cache().stats(); }

void trim() {
  synchronize();
  cache().trim();
}

void fetch(const void* from, void* host, size_t bytes) { download(from, host, bytes); }

}  // namespace spikeship::device
