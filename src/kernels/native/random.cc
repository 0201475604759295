// Random numbers as JavaScript calls them.
#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "random_kernels.h"

namespace spikeship::random {
namespace {

RandomPlace place(size_t seed, size_t stream, size_t position) {
  constexpr size_t most = 0xffffffff;
  if (seed > most || stream > most) {
    throw Failure{"OPTION", "random numbers", "seed and stream from 0 to 4294967295",
                  std::to_string(seed) + " and " + std::to_string(stream), ""};
  }
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(stream), position};
}

}  // namespace

void uniform(Environment&, size_t seed, size_t stream, size_t position, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(random_uniform(place(seed, stream, position), out.floats(count, "randomUniform out"), count));
}

void normal(Environment&, size_t seed, size_t stream, size_t position, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(random_normal(place(seed, stream, position), out.floats(count, "randomNormal out"), count));
}

void bernoulli(Environment&, size_t seed, size_t stream, size_t position, Buffer probability, Buffer out, size_t count) {
  SPIKESHIP_ON_DEVICE_OR_ISA(random_bernoulli(place(seed, stream, position), probability.floats(count, "randomBernoulli probability"),
                                         out.floats(count, "randomBernoulli out"), count));
}

}  // namespace spikeship::random
