// Surrogate functions by name: over an array, and as the backward scan's kernels read them. And the sum over the scan's blocks.
#include <cstring>
#include <new>

#include "../neuron_refusal.h"
#include "device_runtime.h"
#include "kernels.h"
#include "neuron_block.h"
#include "neuron_launch.h"
#include "neuron_sums.h"

namespace spikeship::device {
namespace {

#include "../neuron_scan_words.h"
#if defined(__CUDACC__)
#pragma nv_diagnostic push
#pragma nv_diag_suppress 177
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../generated/neurons.h"
#pragma GCC diagnostic pop
#if defined(__CUDACC__)
#pragma nv_diagnostic pop
#endif
#include "neuron_surrogates.h"

template <class Function>
struct OverArray {
  Function function;
  const float* x;
  float* out;
  DEVICE_CODE void operator()(size_t i) const { out[i] = function(x[i]); }
};

template <class Function>
void over_array(const double* params, const float* x, float* out, size_t n) {
  for_each(n, OverArray<Function>{Function(params), x, out}, "surrogateGrad");
}

template <class Function>
void numbers_of(const double* params, float* numbers) {
  static_assert(sizeof(Function) <= most_surrogate_numbers * sizeof(float));
  const Function function(params);
  std::memcpy(numbers, &function, sizeof function);
}

struct SurrogateEntry {
  const char* name;
  size_t parameters;
  int place;
  bool derivative;
  void (*over_array)(const double*, const float*, float*, size_t);
  void (*numbers)(const double*, float*);
};

#define SPIKESHIP_ROW(name, Function, parameters) \
  {name, parameters, place_of_##Function, is_derivative(name), over_array<Function>, numbers_of<Function>},
constexpr SurrogateEntry surrogates[] = {SPIKESHIP_SURROGATES(SPIKESHIP_ROW)};
#undef SPIKESHIP_ROW

const SurrogateEntry& find_surrogate(const std::string& name, size_t parameters) {
  for (const SurrogateEntry& entry : surrogates) {
    if (name != entry.name) continue;
    expect_neuron_count("surrogate parameters", entry.parameters, parameters);
    return entry;
  }
  refuse_neuron_call("a known surrogate function", name.c_str());
}

// Thread i adds the blocks i, i + 256, ...; then the threads' sums are added by halves.
struct SumOverBlocks {
  struct Shared {
    double sums[usual_threads];
  };
  const double* partials;
  size_t blocks, count;
  double* sums;

  template <class Block>
  DEVICE_CODE void operator()(const Block& block) const {
    double* shared = block.shared.sums;
    block.each([&](unsigned thread) {
      double sum = 0.0;
      for (size_t b = thread; b < blocks; b += usual_threads) sum += partials[b * count + block.index];
      shared[thread] = sum;
    });
    for (unsigned half = usual_threads / 2; half > 0; half /= 2) {
      block.each([&](unsigned thread) {
        if (thread < half) shared[thread] += shared[thread + half];
      });
    }
    block.each([&](unsigned thread) {
      if (thread == 0) sums[block.index] = shared[0];
    });
  }
};

}  // namespace

size_t most_block_bytes() {
#if defined(__CUDACC__)
  // The smallest of the devices: a plan must not depend on which of them runs it.
  static const size_t bytes = [] {
    int count = 0, least = 0;
    check(cudaGetDeviceCount(&count), "cudaGetDeviceCount");
    for (int device = 0; device < count; device++) {
      int most = 0;
      check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
      least = least == 0 || most < least ? most : least;
    }
    return static_cast<size_t>(least);
  }();
  return bytes;
#else
  // Little, so that tests reach the ways of calls that need more.
  return size_t{48} << 10;
#endif
}

int surrogate_place(const std::string& name, const std::vector<double>& params, float (&numbers)[most_surrogate_numbers]) {
  if (name.empty()) return no_surrogate;
  const SurrogateEntry& entry = find_surrogate(name, params.size());
  if (!entry.derivative) refuse_neuron_call("the derivative of a surrogate function", name.c_str());
  entry.numbers(params.data(), numbers);
  return entry.place;
}

void surrogate_grad(const std::string& surrogate, const std::vector<double>& params, const float* x, float* out, size_t n) {
  find_surrogate(surrogate, params.size()).over_array(params.data(), x, out, n);
}

void neuron_sums(const double* partials, size_t blocks, size_t count, double* host_sums) {
  const Scratch sums(count * sizeof(double));
  for_blocks(count, usual_threads, SumOverBlocks{partials, blocks, count, sums.as<double>()}, "neuronBackward");
  fetch(sums.as<double>(), host_sums, count * sizeof(double));
}

}  // namespace spikeship::device
