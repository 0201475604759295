// What the neuron scan's kernels are written in: a block of threads with memory of its own, whose size the call decides. Beside
// device_words.h, because this text is also compiled at run time (nvrtc_neurons.cc), where no header of the system exists.
#pragma once

#include <cstddef>
#include <cstdint>

#if defined(__CUDACC_RTC__)
#define DEVICE_CODE __device__ __forceinline__
#define NEURON_WORD DEVICE_CODE
#define NEURON_CONSTRUCTOR DEVICE_CODE
#else
#if !defined(SPIKESHIP_ISA_NAMESPACE)
#define SPIKESHIP_ISA_NAMESPACE device
#endif
#include "device_words.h"

#include "../number_types.h"
#endif

#if defined(__CUDA_ARCH__)
#define SPIKESHIP_UNROLL _Pragma("unroll")
#define SPIKESHIP_ROLLED _Pragma("unroll 1")
#else
#define SPIKESHIP_UNROLL
#define SPIKESHIP_ROLLED
#endif

namespace spikeship::device {

// As in device_words.h: `each` is one phase, after which every thread sees what the others wrote to `memory`.
struct NeuronBlock {
  unsigned index, threads;
  char* memory;

  template <class Phase>
  DEVICE_CODE void each(Phase phase) const {
#if defined(__CUDACC__)
    phase(threadIdx.x);
    __syncthreads();
#else
    for (unsigned thread = 0; thread < threads; thread++) phase(thread);
#endif
  }
};

}  // namespace spikeship::device
