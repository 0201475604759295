// What a user may choose about dense arithmetic through the environment, read once.
#pragma once

#include <cstdlib>
#include <cstring>

namespace spikeship::device {

inline bool environment_is(const char* name, const char* value) {
  const char* set = std::getenv(name);
  return set != nullptr && std::strcmp(set, value) == 0;
}

// Products of float32 on tensor cores, whose factors are cut to 10 bits of mantissa. Off: a network trained for a chip relies on
// sums that are exact.
inline bool tf32_wanted() {
  static const bool wanted = environment_is("SPIKESHIP_TF32", "1");
  return wanted;
}

// 0: convolutions as matrix products, without cuDNN.
inline bool cudnn_wanted() {
  static const bool wanted = !environment_is("SPIKESHIP_CUDNN", "0");
  return wanted;
}

// 1: the fastest of cuDNN's suggestions, measured, instead of its first. What wins may differ from run to run, and with it the order of
// sums; the first suggestion does not.
inline bool cudnn_measured() {
  static const bool wanted = environment_is("SPIKESHIP_CUDNN_MEASURE", "1");
  return wanted;
}

}  // namespace spikeship::device
