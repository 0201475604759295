// What C++ throws: the facts of a SpikeshipError. convert.h and addon.cc turn it into one; nothing here knows JavaScript.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>

namespace spikeship {

struct Failure {
  std::string code;  // "SHAPE", "VALUE" or "NATIVE" of core/errors.ts
  std::string where;
  std::string expected;
  std::string got;
  std::string hint;
};

// Product and sum of sizes; a result that does not fit becomes the largest size, which no buffer is long enough for.
inline size_t product(std::initializer_list<size_t> sizes) {
  size_t result = 1;
  for (const size_t size : sizes) {
    if (__builtin_mul_overflow(result, size, &result)) return static_cast<size_t>(-1);
  }
  return result;
}

inline size_t sum(size_t a, size_t b) {
  size_t result = 0;
  return __builtin_add_overflow(a, b, &result) ? static_cast<size_t>(-1) : result;
}

}  // namespace spikeship
