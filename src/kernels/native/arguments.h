// The types in which kernels receive what JavaScript gave: names of operations, geometry, options. convert.h fills them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "activations.h"
#include "buffers.h"
#include "optimizer_step.h"

namespace spikeship {

enum class UnaryOp {
  neg, exp, log, sqrt, abs, sign, sigmoid, tanh, relu, floor, trunc, round_even, round_float16, reciprocal, square, is_finite
};
enum class BinaryOp { add, sub, mul, div, max, min, greater_equal, greater, equal };
enum class ReduceOp { sum, mean, max, argmax };
enum class PoolOp { max, avg, sum };

// What convolutions and matrix products round their factors to. Sums are float32 in both, and so is every result.
enum class Precision : int64_t { float32, bfloat16, float16 };

// Number of elements that differ, and the first such index (-1: none).
struct Difference {
  double different, first;
};

using Sizes = std::vector<size_t>;

// Geometry over 1 to 3 spatial axes, padded in front with axes of size 1 to always three (D, H, W).
struct Window {
  size_t axes = 0;
  size_t input[3], kernel[3], stride[3], padding[3], dilation[3], output[3];

  size_t input_points() const;
  size_t kernel_points() const;
  size_t output_points() const;
  // Padding behind the input: as much as in front where that gives the output size, else what the last window needs (negative: it ends
  // before the input does).
  int64_t padding_after(size_t axis) const;
};

struct ConvSpec : Window {
  size_t batch, in_channels, out_channels, groups;
};

struct PoolSpec : Window {
  size_t batch, channels;
  bool count_include_pad;
  size_t divisor;
};

struct SgdOptions {
  double learning_rate, momentum, dampening, weight_decay;
  bool nesterov, first_step;
};

struct AdamOptions {
  double learning_rate, beta1, beta2, epsilon, weight_decay;
  bool decoupled;
  double step;
};

// One number of each list for each parameter; `numbers` holds four: elements, number in the control, rate factor, weight decay.
struct OptimizerStepArguments {
  StepRules rules;
  std::vector<Buffer> params, grads;
  std::vector<OptionalBuffer> first, second;
  std::span<double> numbers;
  Buffer control;
  OptionalBuffer loss;
};

// Bytes of a typed array.
struct Bytes {
  void* data;
  size_t count;
};

using Numbers = std::span<double>;

struct NeuronForwardArguments {
  std::string variant;
  size_t steps, elements;
  bool repeated_input;
  OptionalBuffer x;
  std::vector<OptionalBuffer> initial_states;
  Numbers initial_values;
  std::vector<OptionalBuffer> final_states;
  Numbers params;
  OptionalBuffer spike;
  std::vector<OptionalBuffer> saved, state_seqs;
  OptionalBuffer affine;
  size_t channels;
  ActivationType type;
};

struct NeuronBackwardArguments {
  std::string variant, surrogate;
  Numbers surrogate_params;
  size_t steps, elements;
  bool repeated_input;
  OptionalBuffer x;
  std::vector<OptionalBuffer> initial_states;
  Numbers initial_values;
  std::vector<OptionalBuffer> saved;
  Numbers params;
  OptionalBuffer grad_spike;
  std::vector<OptionalBuffer> grad_state_seqs, grad_saved, grad_final_states;
  OptionalBuffer grad_x;
  std::vector<OptionalBuffer> grad_initial_states;
  Numbers grad_params;
  OptionalBuffer affine;
  size_t channels;
  ActivationType type;
};

}  // namespace spikeship
