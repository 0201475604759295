// Philox4x32-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), the generator of core/random.ts: block b
// of a stream has counter (low word of b, high word of b, stream, 0) and key (seed, 0). Compiled once for each instruction set.
#include "random_kernels.h"

#include <cmath>

#include "parallel.h"
#include "vector_math.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

constexpr size_t chunk_words = 1024;

// Words of `blocks` blocks from `first` on.
void words(RandomPlace place, uint64_t first, size_t blocks, uint32_t* out) {
#pragma omp simd
  for (size_t block = 0; block < blocks; block++) {
    const uint64_t number = first + block;
    uint32_t c0 = static_cast<uint32_t>(number);
    uint32_t c1 = static_cast<uint32_t>(number >> 32);
    uint32_t c2 = place.stream;
    uint32_t c3 = 0;
    uint32_t k0 = place.seed;
    uint32_t k1 = 0;
#pragma GCC unroll 10
    for (int round = 0; round < 10; round++) {
      const uint64_t product0 = uint64_t{0xd2511f53u} * c0;
      const uint64_t product1 = uint64_t{0xcd9e8d57u} * c2;
      c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ k0;
      c1 = static_cast<uint32_t>(product1);
      c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ k1;
      c3 = static_cast<uint32_t>(product0);
      k0 += 0x9e3779b9u;
      k1 += 0xbb67ae85u;
    }
    out[4 * block] = c0;
    out[4 * block + 1] = c1;
    out[4 * block + 2] = c2;
    out[4 * block + 3] = c3;
  }
}

// Calls make(words, first output, outputs) for chunks of outputs that take `words_each` words each, on any thread.
template <size_t words_each, class Make>
inline void in_chunks(RandomPlace place, size_t count, Make make) {
  constexpr size_t outputs = chunk_words / words_each;
  const size_t chunks = (count + outputs - 1) / outputs;
#pragma omp parallel for schedule(static) if (count >= parallel_from / 4)
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    // Up to three words before the first and after the last belong to its block.
    uint32_t buffer[chunk_words + 8];
    const size_t first = chunk * outputs;
    const size_t some = count - first < outputs ? count - first : outputs;
    const uint64_t begin = place.position + first * words_each;
    const uint64_t end = begin + some * words_each;
    words(place, begin / 4, (end + 3) / 4 - begin / 4, buffer);
    make(buffer + begin % 4, first, some);
  }
}

inline __attribute__((always_inline)) float uniform(uint32_t word) {
  return static_cast<float>(static_cast<int32_t>(word >> 8)) * 0x1p-24f;
}

}  // namespace

void random_uniform(RandomPlace place, float* out, size_t count) {
  in_chunks<1>(place, count, [=](const uint32_t* word, size_t first, size_t some) {
#pragma omp simd
    for (size_t i = 0; i < some; i++) out[first + i] = uniform(word[i]);
  });
}

// Box and Muller: sqrt(-2 ln u) cos(2 pi v), u = (word 2i + 1) / 2^32 in (0, 1], v = word 2i+1 / 2^32.
void random_normal(RandomPlace place, float* out, size_t count) {
  in_chunks<2>(place, count, [=](const uint32_t* word, size_t first, size_t some) {
#pragma omp simd
    for (size_t i = 0; i < some; i++) {
      const double u = (static_cast<double>(word[2 * i]) + 1.0) * 0x1p-32;
      const double v = static_cast<double>(word[2 * i + 1]) * 0x1p-32;
      out[first + i] = static_cast<float>(std::sqrt(-2.0 * log_double(u)) * cos_turns(v));
    }
  });
}

void random_bernoulli(RandomPlace place, const float* probability, float* out, size_t count) {
  in_chunks<1>(place, count, [=](const uint32_t* word, size_t first, size_t some) {
#pragma omp simd
    for (size_t i = 0; i < some; i++) out[first + i] = uniform(word[i]) < probability[first + i] ? 1.0f : 0.0f;
  });
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
