// Time of the kernels against ceilings that are measured in the same run: the copy bandwidth, and the matrix product with bfloat16
// factors. Times are of the host around a synchronisation, over so many calls that its own time does not count; the median of several.
#include <algorithm>
#include <chrono>
#include <cstdio>

#include "../../neuron_scan.h"
#include "../../number_types.h"
#include "program.h"

namespace spikeship::standalone {
namespace {

constexpr int rounds = 7;
constexpr double least_seconds = 0.02;

// How large the work is. The trial's figures mean nothing: it shows that everything works where there is no GPU.
struct Sizes {
  size_t copied_bytes, matrix, neurons;
  // Of convolutions 3x3 over images of side x side.
  size_t images, channels, sides[2];
};
// 64 x 32*32*32 neurons are the size of SpikingJelly's own benchmark of its neurons; 4 steps of 128 images pass the layers of a CSNN at once.
constexpr Sizes full{size_t{1} << 30, 8192, size_t{64} * 32 * 32 * 32, 512, 128, {28, 14}};
constexpr Sizes trial{size_t{1} << 16, 32, 4096, 2, 4, {6, 3}};

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
double copy_bandwidth(const DeviceKernels& device, size_t bytes) {
  const DeviceArray<float> from(device, bytes / sizeof(float)), to(device, bytes / sizeof(float));
  device.fill(from.data(), bytes / sizeof(float), 1.0f, ActivationType::float32);
  return 2.0 * static_cast<double>(bytes) / seconds(device, [&] { device.copy(from.data(), to.data(), bytes); });
}

double product_flops(const DeviceKernels& device, size_t n) {
  const DeviceArray<float> a(device, n * n), b(device, n * n), c(device, n * n);
  device.fill(a.data(), n * n, 1.0f, ActivationType::float32);
  device.fill(b.data(), n * n, 1.0f, ActivationType::float32);
  device.set_precision(Precision::bfloat16);
  const double time = seconds(device, [&] { device.matmul(false, true, n, n, n, a.data(), b.data(), c.data(), false, {}); });
  device.set_precision(Precision::float32);
  return 2.0 * static_cast<double>(n) * n * n / time;
}

struct Convolution {
  std::string title;
  double seconds, flops;
};

// Forward, and the gradients of input and weights.
std::vector<Convolution> convolutions(const DeviceKernels& device, size_t images, size_t channels, size_t side) {
  ConvSpec spec{};
  spec.axes = 2;
  spec.batch = images;
  spec.in_channels = spec.out_channels = channels;
  spec.groups = 1;
  for (size_t axis = 0; axis < 3; axis++) {
    spec.input[axis] = spec.output[axis] = axis == 0 ? 1 : side;
    spec.kernel[axis] = axis == 0 ? 1 : 3;
    spec.padding[axis] = axis == 0 ? 0 : 1;
    spec.stride[axis] = spec.dilation[axis] = 1;
  }
  const size_t count = images * side * side * channels;
  const DeviceArray<float> x(device, spikes(count, 1, 0.2)), y(device, noise(count, 2)), weight(device, noise(9 * channels * channels, 3));
  const DeviceArray<float> grad_x(device, count), grad_weight(device, 9 * channels * channels), out(device, count);
  const double work = 2.0 * 9 * static_cast<double>(count * channels);
  const std::string size = "3x3 " + std::to_string(channels) + " channels " + std::to_string(side) + "x" + std::to_string(side);
  std::vector<Convolution> measured;
  const auto measure = [&](const char* direction, auto call) {
    const double time = seconds(device, call);
    measured.push_back({size + direction, time, work / time});
  };
  measure(" forward", [&] { device.conv_forward(spec, x.data(), weight.data(), nullptr, out.data(), ActivationType::float32); });
  measure(" backward data", [&] { device.conv_backward_data(spec, y.data(), weight.data(), grad_x.data(), ActivationType::float32); });
  measure(" backward weights", [&] { device.conv_backward_weights(spec, x.data(), y.data(), grad_weight.data(), nullptr, ActivationType::float32); });
  return measured;
}

void bench_convolutions(const DeviceKernels& device, const Sizes& sizes, std::FILE* out) {
  std::fprintf(out, "\n  \"convolutions\": [");
  bool first = true;
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const char* name = precision == Precision::float32 ? "float32" : "bfloat16";
    device.set_precision(precision);
    for (const size_t side : sizes.sides) {
      for (const Convolution& measured : convolutions(device, sizes.images, sizes.channels, side)) {
        std::fprintf(stderr, "%-45s %-8s %8.3f ms  %6.1f TFLOP/s\n", measured.title.c_str(), name, measured.seconds * 1e3, measured.flops / 1e12);
        std::fprintf(out, "%s\n    {\"case\": \"%s\", \"precision\": \"%s\", \"seconds\": %.6g, \"flopsPerSecond\": %.6g}", first ? "" : ",", measured.title.c_str(), name,
                     measured.seconds, measured.flops);
        first = false;
      }
    }
  }
  device.set_precision(Precision::float32);
  std::fprintf(out, "\n  ]");
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

struct Storage {
  const char* name;
  ActivationType type;
  size_t bytes;
};
constexpr Storage storages[] = {{"float32", ActivationType::float32, 4}, {"float16", ActivationType::float16, 2}};

// Numbers of the element types in `convert`.
constexpr size_t float32_number = 0, float16_number = 1;

// A sequence in the type that a scan stores it in. Scans take it as the address of floats, whatever its type is.
class Sequence {
 public:
  Sequence(const DeviceKernels& device, const Storage& storage, size_t count) : room_(device, count * storage.bytes) {}
  Sequence(const DeviceKernels& device, const Storage& storage, const std::vector<float>& values)
      : Sequence(device, storage, values.size()) {
    const DeviceArray<float> plain(device, values);
    const size_t number = storage.type == ActivationType::float32 ? float32_number : float16_number;
    device.convert(float32_number, plain.data(), number, room_.data(), values.size());
  }
  float* data() const { return reinterpret_cast<float*>(room_.data()); }

 private:
  const DeviceArray<uint8_t> room_;
};

// What a scan does with the potentials before the reset: backward computes them again from x, or forward stores them for it.
enum class Potentials { recomputed, stored };

Measured forward(const DeviceKernels& device, const Neuron& neuron, const Storage& storage, Potentials potentials, size_t steps,
                 size_t elements) {
  const size_t all = steps * elements;
  const bool stores = potentials == Potentials::stored;
  const Sequence x(device, storage, noise(all, 1, 0.0f, 1.0f)), spike(device, storage, all), charged(device, storage, stores ? all : 0);
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
                               .saved = {stores ? charged.data() : nullptr},
                               .state_seqs = {nullptr},
                               .type = storage.type};
  const double time = seconds(device, [&] { device.neuron_forward(call); });
  return {std::string(neuron.title) + (stores ? " forward, storing" : " forward"), time, (stores ? 3.0 : 2.0) * static_cast<double>(all * storage.bytes)};
}

Measured backward(const DeviceKernels& device, const Neuron& neuron, const Storage& storage, Potentials potentials, size_t steps,
                  size_t elements) {
  const size_t all = steps * elements;
  const bool stored = potentials == Potentials::stored;
  // x stands for the potentials where they are stored: numbers of the same size
  const Sequence x(device, storage, noise(all, 1, 0.0f, 1.0f)), grad(device, storage, noise(all, 2)), grad_x(device, storage, all);
  std::vector<double> parameter_gradients(neuron.params.size());
  const NeuronBackwardCall call{.variant = neuron.variant,
                                .surrogate = "ATan",
                                .surrogate_params = {1.0, 1.5707963267948966},
                                .steps = steps,
                                .elements = elements,
                                .repeated_input = false,
                                .x = stored ? nullptr : x.data(),
                                .initial_states = {nullptr},
                                .initial_values = {0.0},
                                .saved = {stored ? x.data() : nullptr},
                                .params = neuron.params,
                                .grad_spike = grad.data(),
                                .grad_state_seqs = {nullptr},
                                .grad_saved = {nullptr},
                                .grad_final_states = {nullptr},
                                .grad_x = grad_x.data(),
                                .grad_initial_states = {nullptr},
                                .grad_params = parameter_gradients,
                                .type = storage.type};
  const double time = seconds(device, [&] { device.neuron_backward(call); });
  return {std::string(neuron.title) + (stored ? " backward, stored" : " backward"), time, 3.0 * static_cast<double>(all * storage.bytes)};
}

}  // namespace

int bench(const DeviceKernels& device, const std::string& file, bool is_trial) {
  const Sizes sizes = is_trial ? trial : full;
  std::FILE* out = file.empty() ? stdout : std::fopen(file.c_str(), "w");
  if (out == nullptr) {
    std::fprintf(stderr, "%s: cannot be written\n", file.c_str());
    return 1;
  }
  std::string why_none;
  const DeviceInfo info = device.devices(why_none).front();
  const double copy = copy_bandwidth(device, sizes.copied_bytes);
  const double product = product_flops(device, sizes.matrix);
  std::fprintf(stderr, "%s, driver %s: copy %.0f GB/s, bfloat16 product %.0f TFLOP/s\n", info.name.c_str(), device.driver().c_str(), copy / 1e9, product / 1e12);
  std::fprintf(out, "{\n  \"device\": \"%s\",\n  \"architecture\": \"%s\",\n  \"driver\": \"%s\",\n  \"copyBytesPerSecond\": %.6g,\n  \"bfloat16FlopsPerSecond\": %.6g,\n  \"libraries\": {", info.name.c_str(),
               info.architecture.c_str(), device.driver().c_str(), copy, product);
  bool first = true;
  for (const LibraryInfo& library : device.libraries()) {
    std::fprintf(out, "%s\n    \"%s\": \"%s\"", first ? "" : ",", library.name.c_str(), library.version.c_str());
    first = false;
  }
  std::fprintf(out, "\n  },\n  \"neurons\": [");
  const Neuron neurons[] = {{"IFNode", "IFNode.hard0.full", {1.0}}, {"LIFNode", "LIFNode.hard0.input.full", {0.5, 0.5, 1.0}}};
  first = true;
  for (const Neuron& neuron : neurons) {
    for (const Storage& storage : storages) {
      for (const size_t steps : {2, 4, 8, 16, 32}) {
        for (const Measured& measured : {forward(device, neuron, storage, Potentials::recomputed, steps, sizes.neurons),
                                         backward(device, neuron, storage, Potentials::recomputed, steps, sizes.neurons),
                                         forward(device, neuron, storage, Potentials::stored, steps, sizes.neurons),
                                         backward(device, neuron, storage, Potentials::stored, steps, sizes.neurons)}) {
          const double share = measured.bytes / measured.seconds / copy;
          std::fprintf(stderr, "%-25s T=%-3zu %s  %8.3f ms  %5.1f%% of the copy\n", measured.title.c_str(), steps, storage.name, measured.seconds * 1e3, share * 100);
          std::fprintf(out, "%s\n    {\"case\": \"%s\", \"type\": \"%s\", \"steps\": %zu, \"seconds\": %.6g, \"shareOfCopy\": %.4f}", first ? "" : ",", measured.title.c_str(), storage.name, steps,
                       measured.seconds, share);
          first = false;
        }
      }
    }
  }
  std::fprintf(out, "\n  ],");
  bench_convolutions(device, sizes, out);
  std::fprintf(out, "\n}\n");
  if (out != stdout) std::fclose(out);
  return 0;
}

}  // namespace spikeship::standalone
