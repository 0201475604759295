// Time of the kernels against ceilings that are measured in the same run: the copy bandwidth, and the matrix product with bfloat16
// factors. Times are of the host around a synchronisation, over so many calls that its own time does not count; the median of several.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "program.h"

namespace spikeship::standalone {
namespace {

constexpr int rounds = 7;
constexpr double least_seconds = 0.02;

template <class Body>
double seconds(const DeviceKernels& device, Body body) {
  using clock = std::chrono::steady_clock;
  const auto time = [&](size_t calls) {
    device.synchronize();
    const auto start = clock::now();
    for (size_t i = 0; i < calls; i++) body();
    device.synchronize();
    return std::chrono::duration<double>(clock::now() - start).count();
  };
  time(1);
  size_t calls = 1;
  while (time(calls) < least_seconds && calls < (size_t{1} << 20)) calls *= 2;
  std::vector<double> each;
  for (int round = 0; round < rounds; round++) each.push_back(time(calls) / static_cast<double>(calls));
  std::nth_element(each.begin(), each.begin() + rounds / 2, each.end());
  return each[rounds / 2];
}

// Bytes that a second of copying moves: each is read once and written once.
double copy_bandwidth(const DeviceKernels& device) {
  const size_t bytes = size_t{1} << 30;
  const DeviceArray<float> from(device, bytes / sizeof(float)), to(device, bytes / sizeof(float));
  device.fill(from.data(), bytes / sizeof(float), 1.0f);
  return 2.0 * static_cast<double>(bytes) / seconds(device, [&] { device.copy(from.data(), to.data(), bytes); });
}

double product_flops(const DeviceKernels& device) {
  const size_t n = 8192;
  const DeviceArray<float> a(device, n * n), b(device, n * n), c(device, n * n);
  device.fill(a.data(), n * n, 1.0f);
  device.fill(b.data(), n * n, 1.0f);
  device.set_precision(Precision::bfloat16);
  const double time = seconds(device, [&] { device.matmul(false, true, n, n, n, a.data(), b.data(), c.data(), false); });
  device.set_precision(Precision::float32);
  return 2.0 * static_cast<double>(n) * n * n / time;
}

struct Neuron {
  const char* title;
  const char* variant;
  std::vector<double> params;
};

struct Measured {
  std::string title;
  double seconds, bytes;
};

Measured forward(const DeviceKernels& device, const Neuron& neuron, size_t steps, size_t elements) {
  const size_t all = steps * elements;
  const DeviceArray<float> x(device, noise(all, 1, 0.0f, 1.0f)), spike(device, all);
  const NeuronForwardCall call{.variant = neuron.variant,
                               .steps = steps,
                               .elements = elements,
                               .repeated_input = false,
                               .x = x.data(),
                               .initial_states = {nullptr},
                               .initial_values = {0.0},
                               .final_states = {nullptr},
                               .params = neuron.params,
                               .spike = spike.data(),
                               .saved = {nullptr},
                               .state_seqs = {nullptr}};
  const double time = seconds(device, [&] { device.neuron_forward(call); });
  return {std::string(neuron.title) + " forward", time, 2.0 * static_cast<double>(all) * sizeof(float)};
}

Measured backward(const DeviceKernels& device, const Neuron& neuron, size_t steps, size_t elements) {
  const size_t all = steps * elements;
  const DeviceArray<float> x(device, noise(all, 1, 0.0f, 1.0f)), grad(device, noise(all, 2)), grad_x(device, all);
  std::vector<double> none;
  const NeuronBackwardCall call{.variant = neuron.variant,
                                .surrogate = "ATan",
                                .surrogate_params = {1.0, 1.5707963267948966},
                                .steps = steps,
                                .elements = elements,
                                .repeated_input = false,
                                .x = x.data(),
                                .initial_states = {nullptr},
                                .initial_values = {0.0},
                                .saved = {nullptr},
                                .params = neuron.params,
                                .grad_spike = grad.data(),
                                .grad_state_seqs = {nullptr},
                                .grad_saved = {nullptr},
                                .grad_final_states = {nullptr},
                                .grad_x = grad_x.data(),
                                .grad_initial_states = {nullptr},
                                .grad_params = none};
  const double time = seconds(device, [&] { device.neuron_backward(call); });
  return {std::string(neuron.title) + " backward", time, 3.0 * static_cast<double>(all) * sizeof(float)};
}

}  // namespace

int bench(const DeviceKernels& device, const std::string& file) {
  std::FILE* out = file.empty() ? stdout : std::fopen(file.c_str(), "w");
  if (out == nullptr) {
    std::fprintf(stderr, "%s: cannot be written\n", file.c_str());
    return 1;
  }
  std::string why_none;
  const DeviceInfo info = device.devices(why_none).front();
  const double copy = copy_bandwidth(device);
  const double product = product_flops(device);
  std::fprintf(stderr, "%s, driver %s: copy %.0f GB/s, bfloat16 product %.0f TFLOP/s\n", info.name.c_str(), device.driver().c_str(), copy / 1e9, product / 1e12);
  std::fprintf(out, "{\n  \"device\": \"%s\",\n  \"architecture\": \"%s\",\n  \"driver\": \"%s\",\n  \"copyBytesPerSecond\": %.6g,\n  \"bfloat16FlopsPerSecond\": %.6g,\n  \"libraries\": {", info.name.c_str(),
               info.architecture.c_str(), device.driver().c_str(), copy, product);
  bool first = true;
  for (const LibraryInfo& library : device.libraries()) {
    std::fprintf(out, "%s\n    \"%s\": \"%s\"", first ? "" : ",", library.name.c_str(), library.version.c_str());
    first = false;
  }
  std::fprintf(out, "\n  },\n  \"neurons\": [");
  // The size of SpikingJelly's own benchmark of its neurons.
  const size_t elements = size_t{64} * 32 * 32 * 32;
  const Neuron neurons[] = {{"IFNode", "IFNode.hard0.full", {1.0}}, {"LIFNode", "LIFNode.hard0.input.full", {0.5, 0.5, 1.0}}};
  first = true;
  for (const Neuron& neuron : neurons) {
    for (const size_t steps : {2, 4, 8, 16, 32}) {
      for (const Measured& measured : {forward(device, neuron, steps, elements), backward(device, neuron, steps, elements)}) {
        const double share = measured.bytes / measured.seconds / copy;
        std::fprintf(stderr, "%-18s T=%-3zu float32  %8.3f ms  %5.1f%% of the copy\n", measured.title.c_str(), steps, measured.seconds * 1e3, share * 100);
        std::fprintf(out, "%s\n    {\"case\": \"%s\", \"type\": \"float32\", \"steps\": %zu, \"seconds\": %.6g, \"shareOfCopy\": %.4f}", first ? "" : ",", measured.title.c_str(), steps, measured.seconds,
                     share);
        first = false;
      }
    }
  }
  std::fprintf(out, "\n  ]\n}\n");
  if (out != stdout) std::fclose(out);
  return 0;
}

}  // namespace spikeship::standalone
