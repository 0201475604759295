// Where the call that is under way on this thread runs. addon.cc decides it from the buffers that a call is given, before the call.
#pragma once

#include "device/device_kernels.h"
#include "isa.h"

namespace spikeship {

// The functions of the device of this call; null: it runs on the CPU.
const DeviceKernels* call_device();

// While it lives, calls of this thread run on a device (or, with null, on the CPU).
class OnDevice {
 public:
  explicit OnDevice(const DeviceKernels* kernels);
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice();

 private:
  const DeviceKernels* before_;
};

}  // namespace spikeship

// Calls a kernel over whole arrays on the device of this call, or in the namespace for this processor.
#define SPIKESHIP_ON_DEVICE_OR_ISA(...) \
  (::spikeship::call_device() != nullptr ? ::spikeship::call_device()->__VA_ARGS__ : SPIKESHIP_ON_BEST_ISA(__VA_ARGS__))
