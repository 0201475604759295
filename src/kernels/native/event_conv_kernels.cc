// For each image the inputs that are not zero are listed row by row; an output then adds the weights of those in its window, which lie
// in one stretch of each row's list. Every output has its sum in registers and adds in the order of the list: images are independent,
// and neither threads nor instruction sets change a result.
#include "event_conv_kernels.h"

#include <cstdint>
#if defined(__AVX2__)
#include <immintrin.h>
#endif

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

using Lanes = float __attribute__((vector_size(event_lanes * sizeof(float)), aligned(sizeof(float))));
constexpr size_t most_vectors = 8;

// Bit i is set where x[i] is not zero.
inline uint32_t nonzero_mask(const float* x) {
#if defined(__AVX512F__)
  return _mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_setzero_ps(), _CMP_NEQ_UQ);
#elif defined(__AVX2__)
  const __m256 zero = _mm256_setzero_ps();
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x), zero, _CMP_NEQ_UQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + 8), zero, _CMP_NEQ_UQ));
  return static_cast<uint32_t>(low | high << 8);
#else
  uint32_t mask = 0;
  for (uint32_t i = 0; i < 16; i++) mask |= static_cast<uint32_t>(x[i] != 0.0f) << i;
  return mask;
#endif
}

// The inputs of one image that are not zero. An event's place counts numbers from the start of its row of W pixels.
struct Events {
  uint32_t* place;
  float* value;
  // Events before each pixel: W + 1 numbers for each row.
  uint32_t* before;
  uint32_t count;
  bool binary;

  void add(uint32_t at, float number) {
    place[count] = at;
    value[count++] = number;
    binary = binary && number == 1.0f;
  }
};

void list_events(const EventConv& conv, const float* image, Events& events) {
  const size_t channels = conv.in_channels, width = conv.input[2], rows = conv.input[0] * conv.input[1];
  events.count = 0;
  events.binary = true;
  for (size_t row = 0; row < rows; row++) {
    const float* x = image + row * width * channels;
    uint32_t* before = events.before + row * (width + 1);
    for (size_t pixel = 0; pixel < width; pixel++) {
      before[pixel] = events.count;
      const size_t end = (pixel + 1) * channels;
      size_t i = pixel * channels;
      for (; i + 16 <= end; i += 16) {
        for (uint32_t mask = nonzero_mask(x + i); mask != 0; mask &= mask - 1) {
          const size_t at = i + static_cast<size_t>(__builtin_ctz(mask));
          events.add(static_cast<uint32_t>(at), x[at]);
        }
      }
      for (; i < end; i++) {
        if (x[i] != 0.0f) events.add(static_cast<uint32_t>(i), x[i]);
      }
    }
    before[width] = events.count;
  }
}

// Events of one row that one window sees, and the weights that the row's first number would have.
struct Stretch {
  uint32_t first, last;
  const float* weights;
};

// The stretches of the window of output position (od, oh, ow); returns their number.
size_t find_stretches(const EventConv& conv, const Events& events, const size_t (&out)[3], Stretch* stretches) {
  const auto width = static_cast<ptrdiff_t>(conv.input[2]);
  const auto row_numbers = static_cast<ptrdiff_t>(conv.in_channels * conv.padded_channels());
  // Without dilation the pixels of a window's row are neighbours, and so are their weights.
  const size_t taps = conv.dilation[2] == 1 ? 1 : conv.kernel[2];
  const auto span = static_cast<ptrdiff_t>(conv.dilation[2] == 1 ? conv.kernel[2] : 1);
  size_t count = 0;
  for (size_t kd = 0; kd < conv.kernel[0]; kd++) {
    const size_t d = out[0] * conv.stride[0] + kd * conv.dilation[0] - conv.padding[0];
    if (d >= conv.input[0]) continue;  // unsigned: in front of the input as well
    for (size_t kh = 0; kh < conv.kernel[1]; kh++) {
      const size_t h = out[1] * conv.stride[1] + kh * conv.dilation[1] - conv.padding[1];
      if (h >= conv.input[1]) continue;
      const uint32_t* before = events.before + (d * conv.input[1] + h) * (conv.input[2] + 1);
      for (size_t kw = 0; kw < taps; kw++) {
        const auto start = static_cast<ptrdiff_t>(out[2] * conv.stride[2] + kw * conv.dilation[2]) - static_cast<ptrdiff_t>(conv.padding[2]);
        const ptrdiff_t from = start < 0 ? 0 : start, to = start + span > width ? width : start + span;
        if (from >= to || before[from] == before[to]) continue;
        const auto tap = static_cast<ptrdiff_t>((kd * conv.kernel[1] + kh) * conv.kernel[2] + kw);
        stretches[count++] = {before[from], before[to], conv.weights + (tap - start) * row_numbers};
      }
    }
  }
  return count;
}

template <size_t vectors, bool binary>
void add_events(const Events& events, const Stretch* stretches, size_t count, size_t row, size_t channel, const float* bias, float* y) {
  Lanes sum[vectors];
#pragma GCC unroll 8
  for (size_t v = 0; v < vectors; v++) sum[v] = reinterpret_cast<const Lanes*>(bias + channel)[v];
  for (size_t s = 0; s < count; s++) {
    const float* weights = stretches[s].weights + channel;
    for (uint32_t i = stretches[s].first; i < stretches[s].last; i++) {
      const auto* lanes = reinterpret_cast<const Lanes*>(weights + events.place[i] * row);
#pragma GCC unroll 8
      for (size_t v = 0; v < vectors; v++) sum[v] += binary ? lanes[v] : lanes[v] * events.value[i];
    }
  }
#pragma GCC unroll 8
  for (size_t v = 0; v < vectors; v++) reinterpret_cast<Lanes*>(y)[v] = sum[v];
}

template <bool binary>
void add_vectors(size_t vectors, const Events& events, const Stretch* stretches, size_t count, size_t row, size_t channel,
                 const float* bias, float* y) {
  switch (vectors) {
    case 1: return add_events<1, binary>(events, stretches, count, row, channel, bias, y);
    case 2: return add_events<2, binary>(events, stretches, count, row, channel, bias, y);
    case 3: return add_events<3, binary>(events, stretches, count, row, channel, bias, y);
    case 4: return add_events<4, binary>(events, stretches, count, row, channel, bias, y);
    case 5: return add_events<5, binary>(events, stretches, count, row, channel, bias, y);
    case 6: return add_events<6, binary>(events, stretches, count, row, channel, bias, y);
    case 7: return add_events<7, binary>(events, stretches, count, row, channel, bias, y);
    default: return add_events<8, binary>(events, stretches, count, row, channel, bias, y);
  }
}

// All channels of one output position.
void add_pixel(const EventConv& conv, const Events& events, const Stretch* stretches, size_t count, float* y) {
  const size_t row = conv.padded_channels();
  for (size_t channel = 0; channel < row; channel += most_vectors * event_lanes) {
    const size_t left = (row - channel) / event_lanes, vectors = left < most_vectors ? left : most_vectors;
    const bool whole = channel + vectors * event_lanes <= conv.out_channels;
    alignas(64) float scratch[most_vectors * event_lanes];
    float* to = whole ? y + channel : scratch;
    if (events.binary) add_vectors<true>(vectors, events, stretches, count, row, channel, conv.bias, to);
    else add_vectors<false>(vectors, events, stretches, count, row, channel, conv.bias, to);
    if (whole) continue;
    for (size_t i = channel; i < conv.out_channels; i++) y[i] = scratch[i - channel];
  }
}

void convolve_image(const EventConv& conv, const Events& events, Stretch* stretches, float* y) {
  size_t out[3];
  for (out[0] = 0; out[0] < conv.output[0]; out[0]++) {
    for (out[1] = 0; out[1] < conv.output[1]; out[1]++) {
      for (out[2] = 0; out[2] < conv.output[2]; out[2]++) {
        add_pixel(conv, events, stretches, find_stretches(conv, events, out, stretches), y);
        y += conv.out_channels;
      }
    }
  }
}

}  // namespace

size_t count_events(const float* x, size_t count) {
  size_t events = 0;
#pragma omp parallel for simd schedule(static) reduction(+ : events)
  for (size_t i = 0; i < count; i++) events += x[i] != 0.0f ? 1 : 0;
  return events;
}

void event_conv(const EventConv& conv, const float* x, float* y) {
  const size_t rows = conv.input[0] * conv.input[1];
  const size_t image = rows * conv.input[2] * conv.in_channels;
  const size_t result = conv.output[0] * conv.output[1] * conv.output[2] * conv.out_channels;
#pragma omp parallel
  {
    Events events{new uint32_t[image], new float[image], new uint32_t[rows * (conv.input[2] + 1)], 0, true};
    auto* stretches = new Stretch[conv.kernel[0] * conv.kernel[1] * conv.kernel[2]];
#pragma omp for schedule(static)
    for (size_t n = 0; n < conv.batch; n++) {
      list_events(conv, x + n * image, events);
      convolve_image(conv, events, stretches, y + n * result);
    }
    delete[] events.place;
    delete[] events.value;
    delete[] events.before;
    delete[] stretches;
  }
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
