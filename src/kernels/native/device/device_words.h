// The language in which device kernels are written. nvcc makes CUDA kernels of it; any C++ compiler makes loops that do the same in
// the same order (the emulated device), so that the logic is tested on machines without a GPU.
//
//   for_each(n, body)             body(i) for i = 0 .. n-1, in any order, one thread each
//   for_blocks(blocks, threads, Body)
//                                 body(block) once for each block of `threads` threads. Inside, `block.each([&](unsigned thread) {...})`
//                                 is one phase: every thread of the block runs it, and all have finished before the next one begins.
//                                 What passes from phase to phase lies in `block.shared`, memory of the type `Body::Shared`.
//
// A body is a struct with `DEVICE_CODE void operator()(...) const`; it travels by value and holds plain numbers and device pointers.
#pragma once

#include <cstddef>
#include <cstdint>

#include "../failure.h"
#include "../inline_word.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#define DEVICE_CODE __device__ __forceinline__
#define NEURON_WORD __host__ __device__ __forceinline__
#else
#define DEVICE_CODE inline __attribute__((always_inline))
#define NEURON_WORD inline __attribute__((always_inline))
#endif
#define NEURON_CONSTRUCTOR NEURON_WORD

namespace spikeship::device {

// Threads of a block where the kernel does not ask for a number of its own.
inline constexpr unsigned usual_threads = 256;

#if defined(__CUDACC__)

// The stream of the current device, and what a failed call becomes.
cudaStream_t stream();
void check(cudaError_t error, const char* what);

template <class Shared>
struct BlockOfThreads {
  unsigned index;
  Shared& shared;

  template <class Phase>
  __device__ __forceinline__ void each(Phase phase) const {
    phase(threadIdx.x);
    __syncthreads();
  }
};

template <class Body>
__global__ void __launch_bounds__(usual_threads) each_kernel(size_t n, Body body) {
  const size_t stride = static_cast<size_t>(gridDim.x) * blockDim.x;
  for (size_t i = static_cast<size_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += stride) body(i);
}

template <class Body>
__global__ void block_kernel(Body body) {
  __shared__ typename Body::Shared shared;
  body(BlockOfThreads<typename Body::Shared>{blockIdx.x, shared});
}

template <class Body>
void for_each(size_t n, Body body, const char* what) {
  if (n == 0) return;
  // More blocks than the card holds at once cost nothing; fewer leave it idle. The loop in the kernel covers the rest.
  constexpr size_t most_blocks = size_t{1} << 20;
  const size_t blocks = (n + usual_threads - 1) / usual_threads;
  each_kernel<<<static_cast<unsigned>(blocks < most_blocks ? blocks : most_blocks), usual_threads, 0, stream()>>>(n, body);
  check(cudaGetLastError(), what);
}

template <class Body>
void for_blocks(size_t blocks, unsigned threads, Body body, const char* what) {
  if (blocks == 0) return;
  block_kernel<<<static_cast<unsigned>(blocks), threads, 0, stream()>>>(body);
  check(cudaGetLastError(), what);
}

#else

template <class Shared>
struct BlockOfThreads {
  unsigned index;
  Shared& shared;
  unsigned threads;

  template <class Phase>
  void each(Phase phase) const {
    for (unsigned thread = 0; thread < threads; thread++) phase(thread);
  }
};

// Work of the emulated device: run at once, or recorded while a graph is captured (runtime_emulated.cc).
bool capturing();
void record(void (*run)(const void* work), const void* work, size_t bytes);

template <class Work>
void submit(const Work& work) {
  if (capturing()) record([](const void* kept) { (*static_cast<const Work*>(kept))(); }, &work, sizeof work);
  else work();
}

template <class Body>
struct EachWork {
  size_t n;
  Body body;
  void operator()() const {
    for (size_t i = 0; i < n; i++) body(i);
  }
};

template <class Body>
struct BlockWork {
  size_t blocks;
  unsigned threads;
  Body body;
  void operator()() const {
    for (size_t block = 0; block < blocks; block++) {
      typename Body::Shared shared;
      body(BlockOfThreads<typename Body::Shared>{static_cast<unsigned>(block), shared, threads});
    }
  }
};

template <class Body>
void for_each(size_t n, Body body, const char*) {
  submit(EachWork<Body>{n, body});
}

template <class Body>
void for_blocks(size_t blocks, unsigned threads, Body body, const char*) {
  submit(BlockWork<Body>{blocks, threads, body});
}

#endif

}  // namespace spikeship::device
