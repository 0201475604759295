// Random numbers: the same as on the CPU bit for bit (philox.h), four results to a thread. A recorded step would repeat them.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../philox.h"
#include "device_runtime.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

struct FourWords {
  uint32_t at[4];
};

// The words of a stream, four at a time from any word on.
struct Stream {
  RandomPlace place;

  // Words 4 group .. 4 group + 3 after the place. They lie in one block of the generator, or in two.
  DEVICE_CODE FourWords words(uint64_t group) const {
    const uint64_t block = place.position / 4 + group;
    const PhiloxWords a = philox(place.seed, place.stream, block);
    // One of four cases for all threads: chosen without an index, which would push the words out of registers.
    switch (place.position % 4) {
      case 0: return {{a.word0, a.word1, a.word2, a.word3}};
      case 1: return {{a.word1, a.word2, a.word3, philox(place.seed, place.stream, block + 1).word0}};
      case 2: {
        const PhiloxWords b = philox(place.seed, place.stream, block + 1);
        return {{a.word2, a.word3, b.word0, b.word1}};
      }
      default: {
        const PhiloxWords b = philox(place.seed, place.stream, block + 1);
        return {{a.word3, b.word0, b.word1, b.word2}};
      }
    }
  }
};

// Four results from 4 `group` on; the last ones and those of misaligned arrays are written one by one.
struct Results {
  float* out;
  size_t count;
  bool wide;
  DEVICE_CODE void write(size_t group, const Pack<float, 4>& results) const {
    const size_t first = 4 * group;
    if (wide && first + 4 <= count) {
      store(out + first, results);
    } else {
      for (unsigned k = 0; k < 4; k++) {
        if (first + k < count) out[first + k] = results.at[k];
      }
    }
  }
};

struct Uniform {
  Stream stream;
  Results results;
  DEVICE_CODE void operator()(size_t group) const {
    const FourWords words = stream.words(group);
    Pack<float, 4> made;
    for (unsigned k = 0; k < 4; k++) made.at[k] = uniform_of(words.at[k]);
    results.write(group, made);
  }
};

struct Normal {
  Stream stream;
  Results results;
  DEVICE_CODE void operator()(size_t group) const {
    const FourWords early = stream.words(2 * group), late = stream.words(2 * group + 1);
    results.write(group, {{normal_of(early.at[0], early.at[1]), normal_of(early.at[2], early.at[3]), normal_of(late.at[0], late.at[1]),
                           normal_of(late.at[2], late.at[3])}});
  }
};

struct Bernoulli {
  Stream stream;
  const float* probability;
  Results results;
  DEVICE_CODE void operator()(size_t group) const {
    const FourWords words = stream.words(group);
    const size_t first = 4 * group;
    Pack<float, 4> limit{};
    if (results.wide && first + 4 <= results.count) {
      limit = load<4>(probability + first);
    } else {
      for (unsigned k = 0; k < 4; k++) {
        if (first + k < results.count) limit.at[k] = probability[first + k];
      }
    }
    Pack<float, 4> made;
    for (unsigned k = 0; k < 4; k++) made.at[k] = uniform_of(words.at[k]) < limit.at[k] ? 1.0f : 0.0f;
    results.write(group, made);
  }
};

}  // namespace

void random_uniform(RandomPlace place, float* out, size_t count) {
  refuse_in_capture("randomUniform");
  for_each(quads(count), Uniform{{place}, {out, count, aligned_to(16, out)}}, "randomUniform");
}

void random_normal(RandomPlace place, float* out, size_t count) {
  refuse_in_capture("randomNormal");
  for_each(quads(count), Normal{{place}, {out, count, aligned_to(16, out)}}, "randomNormal");
}

void random_bernoulli(RandomPlace place, const float* probability, float* out, size_t count) {
  refuse_in_capture("randomBernoulli");
  const bool wide = aligned_to(16, out) && aligned_to(16, probability);
  for_each(quads(count), Bernoulli{{place}, probability, {out, count, wide}}, "randomBernoulli");
}

}  // namespace spikeship::device
