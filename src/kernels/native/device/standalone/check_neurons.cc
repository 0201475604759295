// Every generated neuron, forward and backward, against the CPU's scan: the same bits, apart from the order of sums over parameters.
#include <cmath>
#include <cstdio>
#include <cstring>

#include "../../neuron_scan.h"
#include "../../failure.h"
#include "check_arrays.h"
#include "own_neuron.h"
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
  // Where the CPU knows the same equations under another name.
  const char* on_cpu = nullptr;

  std::string name_on(bool device) const { return device || on_cpu == nullptr ? name : on_cpu; }
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
  for (size_t i = 0; i < values.size(); i++) {
    const double place = static_cast<double>(i);
    values[i] = !variant.grid ? 0.5 + 0.125 * place : i + 1 == values.size() ? 64.0 : 512.0 + 64.0 * place;
  }
  return values;
}

std::vector<double> surrogate_parameters(size_t count) {
  std::vector<double> values(count);
  for (size_t i = 0; i < count; i++) values[i] = 1.5 + static_cast<double>(i);
  return values;
}

// What a call brings and leaves out, and how its sequences lie in memory.
struct Case {
  size_t steps, elements;
  ActivationType type = ActivationType::float32;
  bool repeated_input = false, gives_states = false, gives_saved = false, gives_all_gradients = false;
  // Of every array, as in check_arrays.h.
  size_t shift = 0;
};
// 70 and 300 steps need more memory than a block of threads has on the emulated device, and on a GPU.
constexpr Case cases[] = {
    {1, 1},
    {4, 5, ActivationType::float32, true, true},
    {3, 1024, ActivationType::float32, false, true, true, true},
    {7, 1027, ActivationType::float32, false, false, true, true},
    {33, 260, ActivationType::float32, false, true, false, true},
    {6, 260, ActivationType::float32, false, true, false, true, 1},
    {70, 12, ActivationType::float32, true, true, false, true},
    {300, 5},
    {5, 516, ActivationType::float16, false, true, true, true},
    {5, 517, ActivationType::float16, true, true, false, true},
    {9, 516, ActivationType::bfloat16, false, true, false, true},
    {9, 131, ActivationType::bfloat16, false, true, true, true, 3},
};

std::string title_of(const Case& one) {
  const char* types[] = {"float32", "float16", "bfloat16"};
  return std::string("[") + std::to_string(one.steps) + ", " + std::to_string(one.elements) + "] " + types[static_cast<int>(one.type)] +
         (one.repeated_input ? ", repeated input" : "") + (one.gives_saved ? ", saved" : "") + (one.shift > 0 ? ", shifted" : "");
}

std::vector<size_t> states(Arrays& arrays, size_t count, size_t size, uint32_t seed) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < count; i++) indices.push_back(arrays.state(noise(size, seed + static_cast<uint32_t>(i))));
  return indices;
}

std::vector<size_t> sequences(Arrays& arrays, size_t count, size_t size, uint32_t seed) {
  std::vector<size_t> indices;
  for (size_t i = 0; i < count; i++) indices.push_back(arrays.sequence(noise(size, seed + static_cast<uint32_t>(i))));
  return indices;
}

// Null for what a case leaves out.
template <class Pointer>
std::vector<Pointer> pointers(Arrays& arrays, const std::vector<size_t>& indices, bool on_device, bool given = true) {
  std::vector<Pointer> list;
  for (const size_t index : indices) list.push_back(given ? arrays.at(index, on_device) : nullptr);
  return list;
}

void append(std::vector<size_t>& to, const std::vector<size_t>& more) { to.insert(to.end(), more.begin(), more.end()); }

std::string forward(const DeviceKernels& device, const Variant& variant, const Case& one) {
  Arrays arrays(device, one.type, one.shift);
  const size_t all = one.steps * one.elements;
  const size_t x = arrays.sequence(noise(one.repeated_input ? one.elements : all, 21, -0.5f, 1.5f));
  const size_t spike = arrays.sequence(std::vector<float>(all));
  const auto initial = states(arrays, variant.states, one.elements, 31);
  const auto last = states(arrays, variant.states, one.elements, 41);
  const auto saved = sequences(arrays, variant.stored, all, 51);
  const auto state_seqs = sequences(arrays, variant.states, all, 61);
  const size_t words = (one.elements + 31) / 32;
  const DeviceArray<uint32_t> bits(device, one.steps * words);
  for (const bool on_device : {false, true}) {
    // The CPU knows one type and no bits.
    const NeuronForwardCall call{.variant = variant.name_on(on_device),
                                 .steps = one.steps,
                                 .elements = one.elements,
                                 .repeated_input = one.repeated_input,
                                 .x = arrays.at(x, on_device),
                                 .initial_states = pointers<const float*>(arrays, initial, on_device, one.gives_states),
                                 .initial_values = std::vector<double>(variant.states, 0.25),
                                 .final_states = pointers<float*>(arrays, last, on_device),
                                 .params = parameters(variant),
                                 .spike = arrays.at(spike, on_device),
                                 .saved = pointers<float*>(arrays, saved, on_device),
                                 .state_seqs = pointers<float*>(arrays, state_seqs, on_device),
                                 .type = on_device ? one.type : ActivationType::float32,
                                 .spike_bits = on_device ? bits.data() : nullptr};
    if (on_device) device.neuron_forward(call);
    else baseline::neuron_forward(call);
  }
  std::vector<size_t> outputs{spike};
  for (const auto* list : {&last, &saved, &state_seqs}) append(outputs, *list);
  const std::string wrong = arrays.compare(outputs);
  if (!wrong.empty()) return wrong;
  const std::vector<uint32_t> packed = bits.read();
  const float* fired = arrays.at(spike, false);
  for (size_t i = 0; i < all; i++) {
    const size_t t = i / one.elements, element = i % one.elements;
    const bool bit = (packed[t * words + element / 32] >> element % 32 & 1u) != 0;
    if (bit != (fired[i] != 0.0f)) return "bit " + std::to_string(i) + " is wrong";
  }
  return "";
}

// The order of sums over parameters differs, in double precision.
std::string compare_sums(const std::vector<double>& expected, const std::vector<double>& got, size_t terms) {
  constexpr double tolerance = 1e-12;
  for (size_t k = 0; k < expected.size(); k++) {
    const double size = std::fmax(static_cast<double>(terms), std::fabs(expected[k]));
    if (std::isnan(expected[k]) ? std::isnan(got[k]) : std::fabs(expected[k] - got[k]) <= tolerance * size) continue;
    return "gradient of parameter " + std::to_string(k) + " is " + std::to_string(got[k]) + ", expected " + std::to_string(expected[k]);
  }
  return "";
}

std::string backward(const DeviceKernels& device, const Variant& variant, const Surrogate& surrogate, const Case& one) {
  Arrays arrays(device, one.type, one.shift);
  const size_t all = one.steps * one.elements, input = one.repeated_input ? one.elements : all;
  const size_t x = arrays.sequence(noise(input, 22, -0.5f, 1.5f));
  const size_t grad = arrays.sequence(noise(all, 23));
  const size_t grad_x = arrays.sequence(std::vector<float>(input));
  const auto initial = states(arrays, variant.states, one.elements, 31);
  const auto first = states(arrays, variant.states, one.elements, 71);
  const auto last = states(arrays, variant.states, one.elements, 81);
  const auto saved = sequences(arrays, variant.stored, all, 91);
  const auto grad_saved = sequences(arrays, variant.stored, all, 101);
  const auto grad_seqs = sequences(arrays, variant.states, all, 111);
  std::vector<double> sums[2];
  for (const bool on_device : {false, true}) {
    sums[on_device].resize(variant.parameters);
    const NeuronBackwardCall call{
        .variant = variant.name_on(on_device),
        .surrogate = variant.fires ? surrogate.name : "",
        .surrogate_params = variant.fires ? surrogate_parameters(surrogate.parameters) : std::vector<double>{},
        .steps = one.steps,
        .elements = one.elements,
        .repeated_input = one.repeated_input,
        .x = arrays.at(x, on_device),
        .initial_states = pointers<const float*>(arrays, initial, on_device, one.gives_states),
        .initial_values = std::vector<double>(variant.states, 0.25),
        .saved = pointers<const float*>(arrays, saved, on_device, one.gives_saved),
        .params = parameters(variant),
        .grad_spike = arrays.at(grad, on_device),
        .grad_state_seqs = pointers<const float*>(arrays, grad_seqs, on_device, one.gives_all_gradients),
        .grad_saved = pointers<const float*>(arrays, grad_saved, on_device, one.gives_all_gradients),
        .grad_final_states = pointers<const float*>(arrays, last, on_device, one.gives_all_gradients),
        .grad_x = arrays.at(grad_x, on_device),
        .grad_initial_states = pointers<float*>(arrays, first, on_device),
        .grad_params = sums[on_device],
        .type = on_device ? one.type : ActivationType::float32};
    if (on_device) device.neuron_backward(call);
    else baseline::neuron_backward(call);
  }
  const std::string wrong = compare_sums(sums[0], sums[1], all);
  if (!wrong.empty()) return wrong;
  std::vector<size_t> outputs{grad_x};
  append(outputs, first);
  return arrays.compare(outputs);
}

std::vector<Surrogate> derivatives() {
  std::vector<Surrogate> found;
  for (const Surrogate& surrogate : surrogates) {
    if (std::strchr(surrogate.name, '.') == nullptr) found.push_back(surrogate);
  }
  return found;
}

void check_variant(const DeviceKernels& device, Report& report, const Variant& variant, size_t& turn) {
  const std::vector<Surrogate> slopes = derivatives();
  for (const Case& one : cases) {
    const std::string title = std::string(variant.name) + " " + title_of(one);
    report.check(title + " forward", [&] { return forward(device, variant, one); });
    if (variant.learned < 0) continue;
    const Surrogate& surrogate = slopes[turn++ % slopes.size()];
    report.check(title + " backward " + surrogate.name, [&] { return backward(device, variant, surrogate, one); });
  }
}

// A neuron that is compiled at run time, where NVRTC is there; only a GPU runs it.
void check_own_neuron(const DeviceKernels& device, Report& report, size_t& turn) {
  for (const Variant& known : variants) {
    if (std::strcmp(known.name, own_neuron_equal) != 0) continue;
    Variant own = known;
    own.name = "OwnNeuron";
    own.on_cpu = known.name;
    try {
      device.compile_neuron(own.name, own_neuron_text);
    } catch (const Failure& failure) {
      if (failure.where == "compileNeuron") std::printf("skipped  neurons compiled at run time: %s\n", failure.got.c_str());
      else report.check("neuron compiled at run time", [&] { return failure.got; });
      return;
    }
    if (std::strcmp(device.kind, "cuda") == 0) check_variant(device, report, own, turn);
    else report.check("neuron compiled at run time", [] { return std::string(); });
  }
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
  for (const Variant& variant : variants) check_variant(device, report, variant, turn);
  check_own_neuron(device, report, turn);
}

}  // namespace spikeship::standalone
