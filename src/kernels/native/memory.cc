// Buffers for JavaScript: allocation, bytes in and out, accounting.
#include <cstring>

#include "device_call.h"
#include "entries.h"
#include "failure.h"

namespace spikeship::memory {
namespace {

uint8_t* range(const Buffer& buffer, size_t offset, size_t count, const char* what) {
  if (offset > buffer.bytes || count > buffer.bytes - offset) {
    throw Failure{"SHAPE", what, std::to_string(count) + " bytes at byte " + std::to_string(offset) + " inside the buffer",
                  "a buffer of " + std::to_string(buffer.bytes) + " bytes", "Check the shapes that were given."};
  }
  return static_cast<uint8_t*>(buffer.data) + offset;
}

}  // namespace

double alloc(Environment& environment, size_t bytes) {
  const double id = environment.buffers.alloc(bytes);
  environment.report_external_memory();
  return id;
}

void release(Environment& environment, double id) { environment.buffers.release(id); }

double byte_length(Environment&, Buffer buffer) { return static_cast<double>(buffer.bytes); }

void write(Environment&, Buffer buffer, size_t offset, Bytes source) {
  uint8_t* target = range(buffer, offset, source.count, "write");
  if (source.count == 0) return;
  if (const DeviceKernels* device = call_device()) return device->upload(target, source.data, source.count);
  std::memcpy(target, source.data, source.count);
}

void read(Environment&, Buffer buffer, size_t offset, Bytes target) {
  const uint8_t* source = range(buffer, offset, target.count, "read");
  if (target.count == 0) return;
  if (const DeviceKernels* device = call_device()) return device->download(source, target.data, target.count);
  std::memcpy(target.data, source, target.count);
}

void copy(Environment&, Buffer source, size_t source_byte, Buffer target, size_t target_byte, size_t bytes) {
  const uint8_t* from = range(source, source_byte, bytes, "copy source");
  uint8_t* to = range(target, target_byte, bytes, "copy target");
  if (bytes == 0) return;
  if (source.device == cpu_device && target.device == cpu_device) std::memmove(to, from, bytes);
  else if (source.device == cpu_device) Devices::at(target.device)->upload(to, from, bytes);
  else if (target.device == cpu_device) Devices::at(source.device)->download(from, to, bytes);
  else if (source.device == target.device) Devices::at(source.device)->copy(from, to, bytes);
  else Devices::library().copy_between(source.device, from, target.device, to, bytes);
}

MemoryStats stats(Environment& environment) {
  MemoryStats stats = environment.buffers.stats();
  stats.cached_bytes += environment.dense.workspace_bytes() + environment.partials.capacity() + environment.pieces.capacity();
  return stats;
}

void reset_peak(Environment& environment) { environment.buffers.reset_peak(); }

void trim_cache(Environment& environment) {
  environment.dense.release_workspace();
  environment.partials.release();
  environment.pieces.release();
  environment.buffers.allocator().trim();
  environment.report_external_memory();
}

}  // namespace spikeship::memory
