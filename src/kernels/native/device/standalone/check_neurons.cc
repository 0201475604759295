// Every generated neuron, forward and backward, against the CPU's scan: the same bits, apart from the order of sums over parameters.
#include <cstring>
#include <memory>

#include "../../neuron_scan.h"
#include "program.h"

#define NEURON_WORD inline __attribute__((always_inline))
#define NEURON_CONSTRUCTOR NEURON_WORD

namespace spikeship::standalone {
namespace {

#include "../../neuron_scan_words.h"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../../generated/neurons.h"
#pragma GCC diagnostic pop

struct NoBackward {
  static constexpr bool fires = false;
  static constexpr int learned = -1;
};

// What the calls need to know of a variant.
struct Variant {
  const char* name;
  size_t parameters, states, stored;
  bool grid, fires;
  // -1: forward only.
  int learned;
};
struct Surrogate {
  const char* name;
  size_t parameters;
};

#define ROW(name, Forward, Backward) \
  {name, Forward::parameters, Forward::states, Forward::stored, Forward::is_grid, Backward::fires, Backward::learned},
constexpr Variant variants[] = {SPIKESHIP_NEURONS(ROW)};
#undef ROW
#define ROW(name, Function, parameters) {name, parameters},
constexpr Surrogate surrogates[] = {SPIKESHIP_SURROGATES(ROW)};
#undef ROW

// Numbers that make neurons spike now and then: the equations hold for any. A grid neuron counts in 64ths and decays by whole 4096ths.
std::vector<double> parameters(const Variant& variant) {
  std::vector<double> values(variant.parameters);
  for (size_t i = 0; i < values.size(); i++) values[i] = variant.grid ? (i + 1 == values.size() ? 64.0 : 512.0 + 64.0 * static_cast<double>(i)) : 0.5 + 0.125 * static_cast<double>(i);
  return values;
}

std::vector<double> surrogate_parameters(size_t count) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; i++) values[i] = 1.5 + static_cast<double>(i);
  return values;
}

struct Size {
  size_t steps, elements;
};
constexpr Size run_sizes[] = {{1, 1}, {4, 5}, {7, 1027}, {33, 260}};

// Host arrays and their copies on the device, kept together.
struct Arrays {
  const DeviceKernels& device;
  std::vector<std::vector<float>> host;
  std::vector<std::unique_ptr<DeviceArray<float>>> there;

  size_t add(std::vector<float> values) {
    there.push_back(std::make_unique<DeviceArray<float>>(device, values));
    host.push_back(std::move(values));
    return host.size() - 1;
  }
  float* at(size_t index, bool on_device) { return on_device ? there[index]->data() : host[index].data(); }
};

std::vector<size_t> rows(Arrays& arrays, size_t count, size_t size, uint32_t seed) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < count; i++) indices.push_back(arrays.add(noise(size, seed + static_cast<uint32_t>(i))));
  return indices;
}

template <class Pointer>
std::vector<Pointer> pointers(Arrays& arrays, const std::vector<size_t>& indices, bool on_device) {
  std::vector<Pointer> list;
  for (const size_t index : indices) list.push_back(arrays.at(index, on_device));
  return list;
}

std::string compare(Arrays& arrays, const std::vector<size_t>& outputs) {
  for (const size_t index : outputs) {
    const std::string wrong = difference(arrays.there[index]->read(), arrays.host[index]);
    if (!wrong.empty()) return wrong;
  }
  return "";
}

std::string forward(const DeviceKernels& device, const Variant& variant, Size size) {
  Arrays arrays{device, {}, {}};
  const size_t all = size.steps * size.elements;
  const size_t x = arrays.add(noise(all, 21, -0.5f, 1.5f));
  const size_t spike = arrays.add(std::vector<float>(all));
  const auto initial = rows(arrays, variant.states, size.elements, 31);
  const auto last = rows(arrays, variant.states, size.elements, 41);
  const auto saved = rows(arrays, variant.stored, all, 51);
  const auto sequences = rows(arrays, variant.states, all, 61);
  for (const bool on_device : {false, true}) {
    const NeuronForwardCall call{.variant = variant.name,
                                 .steps = size.steps,
                                 .elements = size.elements,
                                 .repeated_input = false,
                                 .x = arrays.at(x, on_device),
                                 .initial_states = pointers<const float*>(arrays, initial, on_device),
                                 .initial_values = std::vector<double>(variant.states),
                                 .final_states = pointers<float*>(arrays, last, on_device),
                                 .params = parameters(variant),
                                 .spike = arrays.at(spike, on_device),
                                 .saved = pointers<float*>(arrays, saved, on_device),
                                 .state_seqs = pointers<float*>(arrays, sequences, on_device)};
    if (on_device) device.neuron_forward(call);
    else baseline::neuron_forward(call);
  }
  std::vector<size_t> outputs{spike};
  for (const auto* list : {&last, &saved, &sequences}) outputs.insert(outputs.end(), list->begin(), list->end());
  return compare(arrays, outputs);
}

// Without saved values: both sides compute them again.
std::string backward(const DeviceKernels& device, const Variant& variant, const Surrogate& surrogate, Size size) {
  Arrays arrays{device, {}, {}};
  const size_t all = size.steps * size.elements;
  const size_t x = arrays.add(noise(all, 22, -0.5f, 1.5f));
  const size_t grad = arrays.add(noise(all, 23));
  const size_t grad_x = arrays.add(std::vector<float>(all));
  const auto first = rows(arrays, variant.states, size.elements, 71);
  const auto last = rows(arrays, variant.states, size.elements, 81);
  std::vector<double> sums[2];
  for (const bool on_device : {false, true}) {
    sums[on_device].resize(static_cast<size_t>(variant.learned));
    const NeuronBackwardCall call{.variant = variant.name,
                                  .surrogate = variant.fires ? surrogate.name : "",
                                  .surrogate_params = variant.fires ? surrogate_parameters(surrogate.parameters) : std::vector<double>{},
                                  .steps = size.steps,
                                  .elements = size.elements,
                                  .repeated_input = false,
                                  .x = arrays.at(x, on_device),
                                  .initial_states = std::vector<const float*>(variant.states),
                                  .initial_values = std::vector<double>(variant.states),
                                  .saved = std::vector<const float*>(variant.stored),
                                  .params = parameters(variant),
                                  .grad_spike = arrays.at(grad, on_device),
                                  .grad_state_seqs = std::vector<const float*>(variant.states),
                                  .grad_saved = std::vector<const float*>(variant.stored),
                                  .grad_final_states = pointers<const float*>(arrays, last, on_device),
                                  .grad_x = arrays.at(grad_x, on_device),
                                  .grad_initial_states = pointers<float*>(arrays, first, on_device),
                                  .grad_params = sums[on_device]};
    if (on_device) device.neuron_backward(call);
    else baseline::neuron_backward(call);
  }
  for (size_t k = 0; k < sums[0].size(); k++) {
    // Sums of double precision in another order.
    if (!(std::fabs(sums[0][k] - sums[1][k]) <= 1e-9 * std::fmax(1.0, std::fabs(sums[0][k]))) && sums[0][k] == sums[0][k]) {
      return "gradient of parameter " + std::to_string(k) + " is " + std::to_string(sums[1][k]) + ", expected " + std::to_string(sums[0][k]);
    }
  }
  std::vector<size_t> outputs{grad_x};
  outputs.insert(outputs.end(), first.begin(), first.end());
  return compare(arrays, outputs);
}

}  // namespace

void check_neurons(const DeviceKernels& device, Report& report) {
  for (const Surrogate& surrogate : surrogates) {
    report.check(std::string("surrogate ") + surrogate.name, [&] {
      const auto x = noise(5003, 20, -3.0f, 3.0f);
      const DeviceArray<float> dx(device, x), out(device, x.size());
      std::vector<float> expected(x.size());
      device.surrogate_grad(surrogate.name, surrogate_parameters(surrogate.parameters), dx.data(), out.data(), x.size());
      baseline::surrogate_grad(surrogate.name, surrogate_parameters(surrogate.parameters), x.data(), expected.data(), x.size());
      return difference(out.read(), expected);
    });
  }
  size_t turn = 0;
  for (const Variant& variant : variants) {
    for (const Size size : run_sizes) {
      const std::string title = std::string(variant.name) + " [" + std::to_string(size.steps) + ", " + std::to_string(size.elements) + "]";
      report.check(title + " forward", [&] { return forward(device, variant, size); });
      if (variant.learned < 0) continue;
      const Surrogate& surrogate = surrogates[turn++ % std::size(surrogates)];
      report.check(title + " backward " + surrogate.name, [&] { return backward(device, variant, surrogate, size); });
    }
  }
}

}  // namespace spikeship::standalone
