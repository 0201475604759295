// The words of kernels whose text is also compiled at run time (neuron_program.cc), where no header of the system exists: device_words.h
// where there are such headers, else as much of it as those kernels use.
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
