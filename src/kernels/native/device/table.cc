// The table that the module gets from this library.
#include "device_runtime.h"
#include "kernels.h"

#if defined(SPIKESHIP_EMULATED)
#define SPIKESHIP_DEVICE_KIND "emulated"
#else
#define SPIKESHIP_DEVICE_KIND "cuda"
#endif

namespace spikeship {

extern "C" __attribute__((visibility("default"))) const DeviceKernels* spikeship_device_kernels(int abi) {
  namespace d = device;
  static const DeviceKernels kernels{
      .abi = device_abi,
      .kind = SPIKESHIP_DEVICE_KIND,
      .devices = d::devices,
      .driver = d::driver,
      .libraries = d::libraries,
      .use = d::use,
      .allocate = d::allocate,
      .release = d::release,
      .upload = d::upload,
      .download = d::download,
      .copy = d::copy,
      .copy_between = d::copy_between,
      .synchronize = d::synchronize,
      .memory = d::memory,
      .trim = d::trim,
      .begin_capture = d::begin_capture,
      .end_capture = d::end_capture,
      .abort_capture = d::abort_capture,
      .replay = d::replay,
      .forget = d::forget,
      .fill = d::fill,
      .unary = d::unary,
      .binary = d::binary,
      .binary_scalar = d::binary_scalar,
      .binary_broadcast = d::binary_broadcast,
      .axpy = d::axpy,
      .clamp = d::clamp,
      .clamp_grad = d::clamp_grad,
      .convert = d::convert,
      .permute = d::permute,
      .copy_strided = d::copy_strided,
      .reduce = d::reduce,
      .count_different = d::count_different,
      .count_non_finite = d::count_non_finite,
      .sum_squares = d::sum_squares,
      .set_precision = d::set_precision,
      .matmul = d::matmul,
      .linear_forward = d::linear_forward,
      .conv_forward = d::conv_forward,
      .conv_backward_data = d::conv_backward_data,
      .conv_backward_weights = d::conv_backward_weights,
      .pool_forward = d::pool_forward,
      .pool_backward = d::pool_backward,
      .batch_norm_train = d::batch_norm_train,
      .batch_norm_infer = d::batch_norm_infer,
      .channel_affine = d::channel_affine,
      .batch_norm_backward = d::batch_norm_backward,
      .cross_entropy = d::cross_entropy,
      .neuron_forward = d::neuron_forward,
      .neuron_backward = d::neuron_backward,
      .surrogate_grad = d::surrogate_grad,
      .compile_neuron = d::compile_neuron,
      .sgd_step = d::sgd_step,
      .adam_step = d::adam_step,
      .random_uniform = d::random_uniform,
      .random_normal = d::random_normal,
      .random_bernoulli = d::random_bernoulli,
  };
  return abi == device_abi ? &kernels : nullptr;
}

}  // namespace spikeship
