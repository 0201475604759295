// Philox4x32-10 and what is made of its words, once for each instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "isa.h"

namespace spikeship {

// A place in a random stream: word `position` of (seed, stream).
struct RandomPlace {
  uint32_t seed, stream;
  uint64_t position;
};

#define SPIKESHIP_DECLARE(isa)                                                                              \
  namespace isa {                                                                                           \
  void random_uniform(RandomPlace place, float* out, size_t count);                                         \
  void random_normal(RandomPlace place, float* out, size_t count);                                          \
  void random_bernoulli(RandomPlace place, const float* probability, float* out, size_t count);             \
  }
SPIKESHIP_FOR_EACH_ISA(SPIKESHIP_DECLARE)
#undef SPIKESHIP_DECLARE

}  // namespace spikeship
