// A block of threads of the neuron scan's kernels, with memory of its own, whose size the call decides.
#pragma once

#include "run_time_words.h"

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
