// Random numbers (philox.h): the loops, over chunks whose words are made first. Compiled once for each instruction set.
#include "random_kernels.h"

#include "parallel.h"
#include "philox.h"

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

constexpr size_t chunk_words = 1024;

// Words of `blocks` blocks from `first` on.
void words(RandomPlace place, uint64_t first, size_t blocks, uint32_t* out) {
#pragma omp simd
  for (size_t block = 0; block < blocks; block++) {
    const PhiloxWords made = philox(place.seed, place.stream, first + block);
    out[4 * block] = made.word0;
    out[4 * block + 1] = made.word1;
    out[4 * block + 2] = made.word2;
    out[4 * block + 3] = made.word3;
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

}  // namespace

void random_uniform(RandomPlace place, float* out, size_t count) {
  in_chunks<1>(place, count, [=](const uint32_t* word, size_t first, size_t some) {
#pragma omp simd
    for (size_t i = 0; i < some; i++) out[first + i] = uniform_of(word[i]);
  });
}

void random_normal(RandomPlace place, float* out, size_t count) {
  in_chunks<2>(place, count, [=](const uint32_t* word, size_t first, size_t some) {
#pragma omp simd
    for (size_t i = 0; i < some; i++) out[first + i] = normal_of(word[2 * i], word[2 * i + 1]);
  });
}

void random_bernoulli(RandomPlace place, const float* probability, float* out, size_t count) {
  in_chunks<1>(place, count, [=](const uint32_t* word, size_t first, size_t some) {
#pragma omp simd
    for (size_t i = 0; i < some; i++) out[first + i] = uniform_of(word[i]) < probability[first + i] ? 1.0f : 0.0f;
  });
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
