// What a device library (CUDA, or its emulation on the CPU) answers: one table of functions, filled in table.cc. The module opens the
// library at run time and knows nothing else of it. Pointers are device memory unless a name says "host"; work is queued in order
// on one stream per device, and what returns a value waits for it. Everything throws `Failure`.
//
// A function that has the name of a kernel of the CPU has its signature and its meaning: see the header that declares it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "../arguments.h"
#include "../elementwise_kernels.h"
#include "../neuron_scan.h"
#include "../optimizer_kernels.h"
#include "../random_kernels.h"

namespace spikeship {

struct DeviceInfo {
  std::string name;
  std::string architecture;  // "sm_90"
  double total_bytes, free_bytes;
  double multiprocessors;
};

// A library that is opened by name when it is needed first.
struct LibraryInfo {
  std::string name;     // "cuBLAS"
  std::string version;  // empty: not found
  std::string file;     // where it was found, or what was tried
};

struct DeviceMemoryStats {
  double live_bytes, peak_bytes, cached_bytes;
};

// Rows of equal distance, for copy_strided.
struct StridedCopy {
  size_t rows, block, source_stride, target_stride;
};

// Axes of the output with the strides of the input in elements, outermost first.
struct PermutePlan {
  static constexpr size_t most_axes = 16;
  size_t axes, count, element_bytes;
  size_t size[most_axes], stride[most_axes];
};

struct BatchNormShape {
  size_t rows, channels;
  double epsilon;
};

struct DeviceKernels {
  int abi;
  const char* kind;  // "cuda" or "emulated"

  // --- devices and memory ------------------------------------------------------------------------------------------------
  // Devices of this machine; `why_none` says why there is none.
  std::vector<DeviceInfo> (*devices)(std::string& why_none);
  std::string (*driver)();
  std::vector<LibraryInfo> (*libraries)();
  // The device of every following call of this thread.
  void (*use)(int device);
  void* (*allocate)(size_t bytes);
  void (*release)(void* memory, size_t bytes);
  void (*upload)(void* to, const void* host, size_t bytes);
  void (*download)(const void* from, void* host, size_t bytes);
  void (*copy)(const void* from, void* to, size_t bytes);
  void (*copy_between)(int from_device, const void* from, int to_device, void* to, size_t bytes);
  void (*synchronize)();
  DeviceMemoryStats (*memory)();
  void (*trim)();

  // --- a recorded sequence of calls, replayed as one ------------------------------------------------------------------------
  void (*begin_capture)();
  // A number for `replay` and `forget`.
  uint64_t (*end_capture)();
  void (*abort_capture)();
  void (*replay)(uint64_t graph);
  void (*forget)(uint64_t graph);

  // --- element by element --------------------------------------------------------------------------------------------------
  void (*fill)(void* out, size_t count, float value, ActivationType type);
  decltype(&baseline::unary) unary;
  void (*binary)(BinaryOp op, const void* a, const void* b, void* out, size_t count, ActivationType type);
  decltype(&baseline::binary_scalar) binary_scalar;
  decltype(&baseline::binary_broadcast) binary_broadcast;
  decltype(&baseline::axpy) axpy;
  decltype(&baseline::clamp) clamp;
  decltype(&baseline::clamp_grad) clamp_grad;
  // Numbers of element types as in `convert` of native-core.ts.
  void (*convert)(size_t from_type, const void* x, size_t to_type, void* out, size_t count);

  // --- moving data ---------------------------------------------------------------------------------------------------------
  void (*permute)(const PermutePlan& plan, const void* x, void* out);
  void (*copy_strided)(const StridedCopy& plan, const void* source, void* target);

  // --- reductions ------------------------------------------------------------------------------------------------------------
  void (*reduce)(ReduceOp op, const void* x, size_t outer, size_t axis, size_t inner, void* out, ActivationType type);
  Difference (*count_different)(const float* a, const float* b, size_t count);
  double (*count_non_finite)(const float* x, size_t count);
  double (*sum_squares)(const float* x, size_t count);

  // --- dense ---------------------------------------------------------------------------------------------------------------
  void (*set_precision)(Precision precision);
  // Factors of a product with an array of 16 bits are rounded to its numbers, else to those of the precision.
  void (*matmul)(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const void* a, const void* b, void* c, bool accumulate,
                 const ProductTypes& types);
  void (*linear_forward)(size_t rows, size_t in_features, size_t out_features, const void* x, const float* weight, const float* bias,
                         void* y, ActivationType type);
  void (*conv_forward)(const ConvSpec& spec, const void* x, const float* weight, const float* bias, void* y, ActivationType type);
  void (*conv_backward_data)(const ConvSpec& spec, const void* grad_y, const float* weight, void* grad_x, ActivationType type);
  void (*conv_backward_weights)(const ConvSpec& spec, const void* x, const void* grad_y, float* grad_weight, float* grad_bias,
                                ActivationType type);
  void (*pool_forward)(PoolOp op, const PoolSpec& spec, const void* x, void* y, int32_t* indices, ActivationType type);
  void (*pool_backward)(PoolOp op, const PoolSpec& spec, const void* grad_y, const int32_t* indices, void* grad_x, ActivationType type);
  // Statistics and `affine` [2, channels], the scale and the offset by which channel_affine normalises.
  void (*batch_norm_train)(const BatchNormShape& shape, const void* x, const float* weight, const float* bias, float* mean,
                           float* variance, float* affine, ActivationType type);
  void (*batch_norm_infer)(size_t channels, double epsilon, const float* mean, const float* variance, const float* weight,
                           const float* bias, float* affine);
  void (*channel_affine)(size_t rows, size_t channels, const void* x, const float* affine, void* y, ActivationType type);
  // Any output may be null.
  void (*batch_norm_backward)(bool training, const BatchNormShape& shape, const void* x, const void* grad_y, const float* mean,
                              const float* variance, const float* weight, void* grad_x, float* grad_weight, float* grad_bias,
                              ActivationType type);
  // A label out of range makes the loss NaN.
  void (*cross_entropy)(size_t rows, size_t classes, const float* logits, const int32_t* labels, float* loss, float* grad);

  // --- neurons ---------------------------------------------------------------------------------------------------------------
  decltype(&baseline::neuron_forward) neuron_forward;
  decltype(&baseline::neuron_backward) neuron_backward;
  decltype(&baseline::surrogate_grad) surrogate_grad;
  // Compiles a neuron that a user defined for the device of this thread, which then knows it as a variant of that name. true: its
  // compiled form was on disk already.
  bool (*compile_neuron)(const std::string& name, const std::string& text);

  // --- optimizers and random numbers -----------------------------------------------------------------------------------------
  decltype(&baseline::sgd_step) sgd_step;
  decltype(&baseline::adam_step) adam_step;
  // Of all parameters at once, without waiting: what it depends on lies in the control.
  void (*optimizer_step)(const OptimizerStepCall& call);
  decltype(&baseline::random_uniform) random_uniform;
  decltype(&baseline::random_normal) random_normal;
  decltype(&baseline::random_bernoulli) random_bernoulli;
};

// A core and a library that were not built of the same declarations must not meet. The sizes tell most changes; the first number is for
// one that keeps them.
inline constexpr int device_abi = [] {
  size_t mixed = 1;
  for (const size_t size : {sizeof(DeviceKernels), sizeof(NeuronForwardCall), sizeof(NeuronBackwardCall), sizeof(ConvSpec),
                            sizeof(PoolSpec), sizeof(AdamOptions), sizeof(OptimizerStepCall), sizeof(StepParameter), sizeof(Broadcast), sizeof(PermutePlan)}) {
    mixed = (mixed * 1009 + size) % 1000000007;
  }
  return static_cast<int>(mixed);
}();

// The one symbol of a device library. Null when it was built for another `abi`.
extern "C" const DeviceKernels* spikeship_device_kernels(int abi);
using DeviceEntry = const DeviceKernels* (*)(int abi);

}  // namespace spikeship
