// The device library of this process: opened once, when somebody asks for a device. Without it everything runs on the CPU.
#pragma once

#include <string>

namespace spikeship {

struct DeviceKernels;

// -1 is the CPU, from 0 on the devices of the library.
using DeviceNumber = int;
inline constexpr DeviceNumber cpu_device = -1;

class Devices {
 public:
  // Opens a library. A second one is refused; the same one again is not.
  static void open(const std::string& file);
  static bool opened() { return kernels_ != nullptr; }
  // The functions, with `device` made the one that they work on. Null for the CPU.
  static const DeviceKernels* at(DeviceNumber device);
  static const DeviceKernels& library();
  // How many devices the library has; 0 where none is open.
  static DeviceNumber count() { return count_; }
  // "cpu" or "cuda:0".
  static std::string name(DeviceNumber device);

 private:
  static const DeviceKernels* kernels_;
  static std::string file_;
  static DeviceNumber count_;
};

}  // namespace spikeship
