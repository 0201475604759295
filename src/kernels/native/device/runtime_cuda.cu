// The CUDA device: one stream for work and one for copies from the host, per device; memory through the cache; graphs.
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "../failure.h"
#include "device_runtime.h"
#include "device_words.h"

namespace spikeship::device {
namespace {

void* take(size_t bytes) {
  void* block = nullptr;
  const cudaError_t error = cudaMalloc(&block, bytes);
  if (error == cudaErrorMemoryAllocation) {
    cudaGetLastError();  // not sticky: the device stays usable
    return nullptr;
  }
  check(error, "cudaMalloc");
  return block;
}

void give_back(void* block) { cudaFree(block); }

void sizes(size_t& total, size_t& free) { check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo"); }

// Pinned memory through which bytes from the host pass, so that the copy runs beside the device's work.
struct Staging {
  static constexpr size_t bytes = size_t{32} << 20;
  void* host = nullptr;
  void* device = nullptr;
  cudaEvent_t copied = nullptr;
  cudaEvent_t used = nullptr;
};

struct Device {
  explicit Device(int number) : number(number), cache({take, give_back, sizes}) {
    check(cudaSetDevice(number), "cudaSetDevice");
    check(cudaStreamCreateWithFlags(&work, cudaStreamNonBlocking), "cudaStreamCreate");
    check(cudaStreamCreateWithFlags(&copies, cudaStreamNonBlocking), "cudaStreamCreate");
  }
  int number;
  DeviceCache cache;
  cudaStream_t work = nullptr, copies = nullptr;
  Staging staging[2];
  int next_staging = 0;
  bool capturing = false;
};

struct Graph {
  int device;
  cudaGraphExec_t executable;
};

std::mutex opening;
std::map<int, std::unique_ptr<Device>> opened;
std::map<uint64_t, Graph> graphs;
uint64_t last_graph = 0;
thread_local Device* current = nullptr;

Device& here() {
  if (current == nullptr) use(0);
  return *current;
}

// Memory of the device beside the cache, which gives up what it keeps where the device has no more.
void* take_beside(DeviceCache& cache, size_t bytes) {
  void* block = take(bytes);
  if (block != nullptr) return block;
  cache.trim();
  block = take(bytes);
  check(block == nullptr ? cudaErrorMemoryAllocation : cudaSuccess, "memory for uploads");
  return block;
}

// The staging place that has waited longest, free again. One that could not be made whole, for lack of memory, is completed the next time.
Staging& staging(Device& device) {
  Staging& place = device.staging[device.next_staging];
  device.next_staging ^= 1;
  if (place.used != nullptr) {
    check(cudaEventSynchronize(place.copied), "cudaEventSynchronize");
    return place;
  }
  if (place.host == nullptr) check(cudaMallocHost(&place.host, Staging::bytes), "cudaMallocHost");
  if (place.device == nullptr) place.device = take_beside(device.cache, Staging::bytes);
  if (place.copied == nullptr) check(cudaEventCreateWithFlags(&place.copied, cudaEventDisableTiming), "cudaEventCreate");
  check(cudaEventCreateWithFlags(&place.used, cudaEventDisableTiming), "cudaEventCreate");
  return place;
}

std::string version(int number) { return std::to_string(number / 1000) + "." + std::to_string(number % 1000 / 10); }

std::string why_no_device(cudaError_t error) {
  // CUDA calls a missing driver an old one.
  if (driver().empty()) return "no NVIDIA driver is installed";
  if (error != cudaErrorInsufficientDriver) return cudaGetErrorString(error);
  return "the driver is one for " + driver() + ", but this library was built with CUDA " + version(CUDART_VERSION) +
         ": install a newer driver, or build with an nvcc that is not newer than the driver";
}

}  // namespace

void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // told here; the check of the next kernel's start must not find it again
  throw Failure{"NATIVE", what, "CUDA to do this", cudaGetErrorString(error),
                "If this repeats, run with CUDA_LAUNCH_BLOCKING=1 and report it with the shapes that were given."};
}

cudaStream_t stream() { return here().work; }
DeviceCache& cache() { return here().cache; }
bool capturing() { return here().capturing; }

std::vector<DeviceInfo> devices(std::string& why_none) {
  int count = 0;
  const cudaError_t error = cudaGetDeviceCount(&count);
  std::vector<DeviceInfo> list;
  if (error != cudaSuccess) {
    cudaGetLastError();
    why_none = why_no_device(error);
    return list;
  }
  if (count == 0) why_none = "the driver shows no device";
  for (int number = 0; number < count; number++) {
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, number), "cudaGetDeviceProperties");
    size_t free = 0;
    // Asking for free memory is asking the current device, and creates a context; only the device in use pays for one.
    if (current != nullptr && current->number == number) {
      size_t total = 0;
      sizes(total, free);
    }
    list.push_back({properties.name, "sm_" + std::to_string(properties.major) + std::to_string(properties.minor),
                    static_cast<double>(properties.totalGlobalMem), static_cast<double>(free),
                    static_cast<double>(properties.multiProcessorCount)});
  }
  return list;
}

std::string driver() {
  int number = 0;
  if (cudaDriverGetVersion(&number) != cudaSuccess || number == 0) {
    cudaGetLastError();
    return "";
  }
  return "CUDA " + version(number);
}

void use(int number) {
  if (current != nullptr && current->number == number) return;
  const std::lock_guard<std::mutex> alone(opening);
  auto& device = opened[number];
  if (!device) {
    try {
      device = std::make_unique<Device>(number);
    } catch (...) {
      opened.erase(number);
      throw;
    }
  }
  check(cudaSetDevice(number), "cudaSetDevice");
  current = device.get();
}

// Host to device: through pinned memory on the stream for copies, then within the device in order with the work. The host goes on as
// soon as its bytes are in pinned memory, and the slow part runs beside the kernels.
void upload(void* to, const void* host, size_t bytes) {
  refuse_in_capture("upload");
  Device& device = here();
  for (size_t done = 0; done < bytes;) {
    const size_t some = bytes - done < Staging::bytes ? bytes - done : Staging::bytes;
    Staging& place = staging(device);
    std::memcpy(place.host, static_cast<const char*>(host) + done, some);
    check(cudaStreamWaitEvent(device.copies, place.used, 0), "upload");
    check(cudaMemcpyAsync(place.device, place.host, some, cudaMemcpyHostToDevice, device.copies), "upload");
    check(cudaEventRecord(place.copied, device.copies), "upload");
    check(cudaStreamWaitEvent(device.work, place.copied, 0), "upload");
    check(cudaMemcpyAsync(static_cast<char*>(to) + done, place.device, some, cudaMemcpyDeviceToDevice, device.work), "upload");
    check(cudaEventRecord(place.used, device.work), "upload");
    done += some;
  }
}

void download(const void* from, void* host, size_t bytes) {
  refuse_in_capture("download");
  check(cudaMemcpyAsync(host, from, bytes, cudaMemcpyDeviceToHost, stream()), "download");
  check(cudaStreamSynchronize(stream()), "download");
}

void copy(const void* from, void* to, size_t bytes) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream()), "copy");
}

void copy_between(int from_device, const void* from, int to_device, void* to, size_t bytes) {
  refuse_in_capture("copy between devices");
  use(from_device);
  synchronize();
  use(to_device);
  check(cudaMemcpyPeerAsync(to, to_device, from, from_device, bytes, stream()), "copy between devices");
  synchronize();
}

void synchronize() { check(cudaStreamSynchronize(stream()), "synchronize"); }

void begin_capture() {
  refuse_in_capture("begin of a capture");
  Device& device = here();
  // Relaxed: the cache may have to ask the driver for memory meanwhile.
  check(cudaStreamBeginCapture(device.work, cudaStreamCaptureModeRelaxed), "cudaStreamBeginCapture");
  device.capturing = true;
  device.cache.begin_capture();
}

uint64_t end_capture() {
  Device& device = here();
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t executable = nullptr;
  device.capturing = false;
  cudaError_t error = cudaStreamEndCapture(device.work, &graph);
  if (error == cudaSuccess) error = cudaGraphInstantiate(&executable, graph, 0);
  if (graph != nullptr) cudaGraphDestroy(graph);
  device.cache.end_capture(error == cudaSuccess ? last_graph + 1 : 0);
  check(error, "end of a capture");
  graphs[++last_graph] = {device.number, executable};
  return last_graph;
}

void abort_capture() {
  Device& device = here();
  if (!device.capturing) return;
  device.capturing = false;
  cudaGraph_t graph = nullptr;
  cudaStreamEndCapture(device.work, &graph);
  if (graph != nullptr) cudaGraphDestroy(graph);
  cudaGetLastError();
  device.cache.end_capture(0);
}

void replay(uint64_t graph) {
  const auto found = graphs.find(graph);
  if (found == graphs.end()) throw Failure{"STATE", "replay", "a recorded graph", std::to_string(graph), ""};
  use(found->second.device);
  check(cudaGraphLaunch(found->second.executable, stream()), "cudaGraphLaunch");
}

void forget(uint64_t graph) {
  const auto found = graphs.find(graph);
  if (found == graphs.end()) return;
  use(found->second.device);
  synchronize();
  cudaGraphExecDestroy(found->second.executable);
  graphs.erase(found);
  cache().forget(graph);
}

}  // namespace spikeship::device
