// Softmax cross-entropy in double precision. A label out of range, which the CPU refuses, makes the loss NaN and the gradient of its
// row 0: a device cannot stop the call that queued the work.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../vector_math.h"
#include "column_reduction.h"
#include "kernels.h"

namespace spikeship::device {
namespace {

constexpr unsigned row_threads = 128;
// Up to here one thread adds a row up in the order of the CPU, which makes gradients the CPU's bit for bit and takes no longer than
// the steps of a tree.
constexpr size_t most_in_order = 32;

// One block for each row. Two numbers meet in it: the highest logit, and the sum of exponentials.
struct RowLosses {
  struct Shared {
    float highest[row_threads];
    double sum[row_threads];
  };
  size_t rows, classes;
  const float* logits;
  const int32_t* labels;
  double* losses;
  float* grad;

  template <class Block>
  DEVICE_CODE void operator()(Block block) const {
    Shared& shared = block.shared;
    const float* x = logits + block.index * classes;
    block.each([&](unsigned thread) {
      float highest = thread < classes ? x[thread] : x[0];
      for (size_t c = thread; c < classes; c += row_threads) highest = x[c] > highest ? x[c] : highest;
      shared.highest[thread] = highest;
    });
    for (unsigned half = row_threads / 2; half > 0; half /= 2) {
      block.each([&](unsigned thread) {
        if (thread < half && shared.highest[thread + half] > shared.highest[thread]) shared.highest[thread] = shared.highest[thread + half];
      });
    }
    block.each([&](unsigned thread) {
      double sum = 0;
      for (size_t c = thread; c < classes; c += row_threads) sum += exp_double(static_cast<double>(x[c]) - shift(shared));
      shared.sum[thread] = sum;
    });
    if (classes <= most_in_order) {
      block.each([&](unsigned thread) {
        for (unsigned c = 1; thread == 0 && c < classes; c++) shared.sum[0] += shared.sum[c];
      });
    } else {
      for (unsigned half = row_threads / 2; half > 0; half /= 2) {
        block.each([&](unsigned thread) {
          if (thread < half) shared.sum[thread] += shared.sum[thread + half];
        });
      }
    }
    block.each([&](unsigned thread) {
      const int32_t label = labels[block.index];
      const bool known = label >= 0 && static_cast<size_t>(label) < classes;
      if (thread == 0) {
        losses[block.index] =
            known ? log_double(shared.sum[0]) - (static_cast<double>(x[label]) - shift(shared)) : __builtin_nan("");
      }
      if (grad == nullptr) return;
      float* out = grad + block.index * classes;
      const auto n = static_cast<double>(rows);
      for (size_t c = thread; c < classes; c += row_threads) {
        const double target = static_cast<int32_t>(c) == label ? 1.0 : 0.0;
        const double share = exp_double(static_cast<double>(x[c]) - shift(shared)) / shared.sum[0];
        out[c] = known ? static_cast<float>((share - target) / n) : 0.0f;
      }
    });
  }

  DEVICE_CODE static double shift(const Shared& shared) { return static_cast<double>(shared.highest[0]); }
};

struct LossSum {
  double value;
  DEVICE_CODE void merge(const LossSum& other) { value += other.value; }
};

struct LossesOf {
  using Partial = LossSum;
  const double* losses;
  DEVICE_CODE LossSum start() const { return {0.0}; }
  DEVICE_CODE void add(size_t, size_t row, size_t, LossSum& sum) const { sum.value += losses[row]; }
};

struct FinishLoss {
  double rows;
  float* loss;
  DEVICE_CODE void operator()(size_t, const LossSum& sum) const { *loss = static_cast<float>(sum.value / rows); }
};

}  // namespace

void cross_entropy(size_t rows, size_t classes, const float* logits, const int32_t* labels, float* loss, float* grad) {
  const Scratch losses(rows * sizeof(double));
  for_blocks(rows, row_threads, RowLosses{rows, classes, logits, labels, losses.as<double>(), grad}, "softmaxCrossEntropy");
  reduce_columns({1, rows, 1}, LossesOf{losses.as<double>()}, FinishLoss{static_cast<double>(rows), loss}, "softmaxCrossEntropy");
}

}  // namespace spikeship::device
