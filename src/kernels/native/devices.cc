// Opens the device library, and what JavaScript asks about devices.
#include "devices.h"

#include <dlfcn.h>

#include <mutex>

#include "device_call.h"
#include "entries.h"
#include "failure.h"

namespace spikeship {
namespace {

thread_local const DeviceKernels* current_call = nullptr;

std::mutex opening;

[[noreturn]] void refuse(const std::string& file, const std::string& expected, const std::string& got) {
  throw Failure{"NATIVE", "device library " + file, expected, got, "Run npm run setup on this machine, or train on the CPU."};
}

}  // namespace

const DeviceKernels* call_device() { return current_call; }

OnDevice::OnDevice(const DeviceKernels* kernels) : before_(current_call) { current_call = kernels; }
OnDevice::~OnDevice() { current_call = before_; }

const DeviceKernels* Devices::kernels_ = nullptr;
std::string Devices::file_;
DeviceNumber Devices::count_ = 0;

void Devices::open(const std::string& file) {
  const std::lock_guard<std::mutex> alone(opening);
  if (kernels_ != nullptr) {
    if (file == file_) return;
    refuse(file, "one device library in a process", file_ + " is open");
  }
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) refuse(file, "a library that this system can load", dlerror());
  const auto entry = reinterpret_cast<DeviceEntry>(dlsym(library, "spikeship_device_kernels"));
  const DeviceKernels* kernels = entry == nullptr ? nullptr : entry(device_abi);
  if (kernels == nullptr) {
    dlclose(library);
    refuse(file, "a library built with this core", "another version");
  }
  // Asked once: it does not change, and CUDA takes a millisecond to describe a device.
  std::string why_none;
  count_ = static_cast<DeviceNumber>(kernels->devices(why_none).size());
  file_ = file;
  kernels_ = kernels;
}

const DeviceKernels& Devices::library() {
  if (kernels_ == nullptr) throw Failure{"NATIVE", "devices", "an open device library", "none", "Call openDevices first."};
  return *kernels_;
}

const DeviceKernels* Devices::at(DeviceNumber device) {
  if (device == cpu_device) return nullptr;
  const DeviceKernels& kernels = library();
  kernels.use(device);
  return &kernels;
}

std::string Devices::name(DeviceNumber device) { return device == cpu_device ? "cpu" : "cuda:" + std::to_string(device); }

namespace devices {
namespace {

DeviceNumber number(double device) {
  if (device == cpu_device || (device >= 0 && device < Devices::count())) return static_cast<DeviceNumber>(device);
  throw Failure{"VALUE", "device", "-1 (the CPU) or a device from 0 to " + std::to_string(Devices::count() - 1),
                std::to_string(static_cast<int64_t>(device)), ""};
}

}  // namespace

DeviceReport open(Environment& environment, std::string file) {
  Devices::open(file);
  const DeviceKernels& library = Devices::library();
  library.set_precision(environment.dense.precision);
  DeviceReport report;
  report.kind = library.kind;
  report.driver = library.driver();
  report.devices = library.devices(report.why_none);
  report.libraries = library.libraries();
  return report;
}

void use(Environment& environment, double device) { environment.buffers.set_default_device(number(device)); }

double alloc_on(Environment& environment, double device, size_t bytes) { return environment.buffers.alloc_on(number(device), bytes); }

double device_of(Environment& environment, double buffer) { return environment.buffers.device_of(buffer); }

void synchronize(Environment&, double device) {
  if (const DeviceKernels* kernels = Devices::at(number(device))) kernels->synchronize();
}

DeviceMemoryStats memory(Environment&, double device) {
  const DeviceKernels* kernels = Devices::at(number(device));
  return kernels == nullptr ? DeviceMemoryStats{} : kernels->memory();
}

void begin_capture(Environment&, double device) {
  if (const DeviceKernels* kernels = Devices::at(number(device))) return kernels->begin_capture();
  throw Failure{"VALUE", "beginCapture", "a device", "the CPU", ""};
}

double end_capture(Environment&) { return static_cast<double>(Devices::library().end_capture()); }
void abort_capture(Environment&) { Devices::library().abort_capture(); }
void replay(Environment&, size_t graph) { Devices::library().replay(graph); }
void forget(Environment&, size_t graph) { Devices::library().forget(graph); }

bool compile_neuron(Environment&, double device, std::string name, std::string text) {
  if (const DeviceKernels* kernels = Devices::at(number(device))) return kernels->compile_neuron(name, text);
  throw Failure{"VALUE", "compileNeuron", "a device", "the CPU", "Neurons that are defined at run time need a GPU."};
}

}  // namespace devices
}  // namespace spikeship
