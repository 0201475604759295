// Starts a neuron scan's kernel, or loops over its threads on the emulated device.
#pragma once

#include <vector>

#include "device_runtime.h"
#include "neuron_block.h"
#include "neuron_sums.h"

namespace spikeship::device {

#if defined(__CUDACC__)

template <unsigned most_threads, class Body>
__global__ void __launch_bounds__(most_threads) neuron_kernel(const __grid_constant__ Body body) {
  extern __shared__ __align__(16) char neuron_memory[];
  body(NeuronBlock{blockIdx.x, blockDim.x, neuron_memory});
}

template <unsigned most_threads, class Body>
void launch_neuron(size_t blocks, unsigned threads, size_t bytes, const Body& body, const char* what) {
  constexpr size_t without_asking = size_t{48} << 10;
  const auto kernel = neuron_kernel<most_threads, Body>;
  if (bytes > without_asking) {
    // All that there is, not what this call takes: a smaller call must not lower it for one that was recorded before.
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(most_block_bytes())), what);
  }
  if (bytes > 0) {
    // How many blocks share a multiprocessor follows from this; the driver's own choice may leave room for one.
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributePreferredSharedMemoryCarveout, cudaSharedmemCarveoutMaxShared), what);
  }
  kernel<<<static_cast<unsigned>(blocks), threads, bytes, stream()>>>(body);
  check(cudaGetLastError(), what);
}

#else

template <class Body>
struct NeuronWork {
  size_t blocks;
  unsigned threads;
  size_t bytes;
  Body body;
  void operator()() const {
    struct alignas(16) Line {
      char bytes[16];
    };
    // Filled with NaN, like all fresh memory of this device.
    for (size_t block = 0; block < blocks; block++) {
      std::vector<Line> memory(bytes / sizeof(Line) + 1);
      __builtin_memset(memory.data(), 0xff, memory.size() * sizeof(Line));
      body(NeuronBlock{static_cast<unsigned>(block), threads, memory.data()->bytes});
    }
  }
};

template <unsigned most_threads, class Body>
void launch_neuron(size_t blocks, unsigned threads, size_t bytes, const Body& body, const char*) {
  submit(NeuronWork<Body>{blocks, threads, bytes, body});
}

#endif

}  // namespace spikeship::device
