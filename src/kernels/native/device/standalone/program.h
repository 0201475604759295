// What the standalone program's files share: the open library, arrays on its device, made-up data and the count of what passed.
// The program needs neither Node nor npm, because machines with a GPU often have neither.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "../device_kernels.h"

namespace spikeship::standalone {

// Counts checks and prints those that fail.
class Report {
 public:
  Report();
  // Runs one check; what it returns is what is wrong, empty for nothing. A Failure that it throws is wrong too.
  void check(const std::string& title, const std::function<std::string()>& body);
  // Prints `N passed, N failed` and returns the exit status.
  int finish() const;

 private:
  size_t passed_ = 0, failed_ = 0;
};

// An array in the device's memory.
template <class T>
class DeviceArray {
 public:
  DeviceArray(const DeviceKernels& device, size_t count) : device_(device), count_(count) {
    data_ = static_cast<T*>(device.allocate(count * sizeof(T)));
  }
  DeviceArray(const DeviceKernels& device, const std::vector<T>& values) : DeviceArray(device, values.size()) {
    if (count_ > 0) device.upload(data_, values.data(), count_ * sizeof(T));
  }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { device_.release(data_, count_ * sizeof(T)); }

  T* data() const { return data_; }
  std::vector<T> read() const {
    std::vector<T> values(count_);
    if (count_ > 0) device_.download(data_, values.data(), count_ * sizeof(T));
    return values;
  }

 private:
  const DeviceKernels& device_;
  size_t count_;
  T* data_;
};

// The same numbers for the same seed everywhere, between `low` and `high`.
std::vector<float> noise(size_t count, uint32_t seed, float low = -1.0f, float high = 1.0f);
// 0 and 1, `rate` of them 1.
std::vector<float> spikes(size_t count, uint32_t seed, double rate);

// Empty when both hold the same bits (every NaN counts as the same), else the first difference.
std::string difference(const std::vector<float>& got, const std::vector<float>& expected);
// Empty when no value is further off than `tolerance` times the largest expected size (at least 1).
std::string distance(const std::vector<float>& got, const std::vector<float>& expected, double tolerance);

void check_kernels(const DeviceKernels& device, Report& report);
void check_addresses(const DeviceKernels& device, Report& report);
void check_dense(const DeviceKernels& device, Report& report);
void check_runtime(const DeviceKernels& device, Report& report);
void check_neurons(const DeviceKernels& device, Report& report);
// Measures and prints JSON to the file (standard output where it is empty). A trial takes tiny sizes, and its figures mean nothing.
int bench(const DeviceKernels& device, const std::string& file, bool is_trial);

}  // namespace spikeship::standalone
