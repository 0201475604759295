// All that belongs to one JavaScript thread: its buffers, its oneDNN operations, its way to make an error. No locks: a worker
// thread that opens the module gets its own.
#pragma once

#include <napi.h>

#include "buffers.h"
#include "dense.h"

namespace spikeship {

struct Environment {
  explicit Environment(Napi::Env napi) : env(napi) {}

  Napi::Env env;
  Buffers buffers;
  Dense dense{buffers.allocator()};
  // Sums of parts, and results of parts that are summed.
  Workspace partials{buffers.allocator()};
  Workspace pieces{buffers.allocator()};
  // (code, where, expected, got, hint) => SpikeshipError, given by load.ts.
  Napi::FunctionReference make_error;

  // Tells the garbage collector what we hold from the system, in steps so coarse that a steady state never tells it anything.
  void report_external_memory() {
    constexpr int64_t step = int64_t{32} << 20;
    const auto held = static_cast<int64_t>(buffers.allocator().footprint());
    if (held - reported_ < step && reported_ - held < step) return;
    Napi::MemoryManagement::AdjustExternalMemory(env, held - reported_);
    reported_ = held;
  }

 private:
  int64_t reported_ = 0;
};

}  // namespace spikeship
