// What those who make handles and plans of a library need to know of the device: its number, and leave to load while it records.
#pragma once

#include "device_words.h"

namespace spikeship::device {

// The device that calls of this thread go to.
inline int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

// Making a handle or a plan loads kernels and takes memory, which a thread that records may not do otherwise. Nothing of it belongs
// into the recording.
class MayLoad {
 public:
  MayLoad() { check(cudaThreadExchangeStreamCaptureMode(&mode_), "capture mode"); }
  MayLoad(const MayLoad&) = delete;
  MayLoad& operator=(const MayLoad&) = delete;
  ~MayLoad() { cudaThreadExchangeStreamCaptureMode(&mode_); }

 private:
  cudaStreamCaptureMode mode_ = cudaStreamCaptureModeRelaxed;
};

}  // namespace spikeship::device
