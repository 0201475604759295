// Every function of the module, with the types of its arguments: the C++ side of native-core.ts, in its order. Meanings are
// documented there. Each checks that its buffers are long enough before it touches them.
#pragma once

#include <string>

#include "arguments.h"
#include "device/device_kernels.h"
#include "environment.h"

namespace spikeship {

struct CoreInfo {
  std::string version, onednn, compiler, isa, cpu;
  double threads;
};

struct DeviceReport {
  std::string kind, driver, why_none;
  std::vector<DeviceInfo> devices;
  std::vector<LibraryInfo> libraries;
};

// Devices are numbers: -1 is the CPU, from 0 on those of the open library.
namespace devices {
DeviceReport open(Environment&, std::string file);
void use(Environment&, double device);
double alloc_on(Environment&, double device, size_t bytes);
double device_of(Environment&, double buffer);
void synchronize(Environment&, double device);
DeviceMemoryStats memory(Environment&, double device);
void begin_capture(Environment&, double device);
double end_capture(Environment&);
void abort_capture(Environment&);
void replay(Environment&, size_t graph);
void forget(Environment&, size_t graph);
bool compile_neuron(Environment&, double device, std::string name, std::string text);
}  // namespace devices

namespace memory {
double alloc(Environment&, size_t bytes);
void release(Environment&, double id);
double byte_length(Environment&, Buffer buffer);
void write(Environment&, Buffer buffer, size_t offset, Bytes source);
void read(Environment&, Buffer buffer, size_t offset, Bytes target);
void copy(Environment&, Buffer source, size_t source_byte, Buffer target, size_t target_byte, size_t bytes);
MemoryStats stats(Environment&);
void reset_peak(Environment&);
void trim_cache(Environment&);
}  // namespace memory

namespace info {
CoreInfo describe(Environment&);
void set_threads(Environment&, size_t count);
void set_precision(Environment&, Precision precision);
}  // namespace info

namespace elements {
void fill(Environment&, Buffer out, size_t count, double value, ActivationType type);
void unary(Environment&, UnaryOp op, Buffer x, Buffer out, size_t count);
void binary(Environment&, BinaryOp op, Buffer a, Buffer b, Buffer out, size_t count, ActivationType type);
void binary_scalar(Environment&, BinaryOp op, Buffer a, double value, bool reversed, Buffer out, size_t count);
void binary_broadcast(Environment&, BinaryOp op, Buffer a, Sizes a_strides, Buffer b, Sizes b_strides, Buffer out, Sizes shape);
void axpy(Environment&, double alpha, Buffer x, Buffer y, size_t count);
void clamp_grad(Environment&, Buffer x, Buffer grad, double low, double high, Buffer out, size_t count);
void clamp(Environment&, Buffer x, double low, double high, Buffer out, size_t count);
void convert(Environment&, size_t from, Buffer x, size_t to, Buffer out, size_t count);
}  // namespace elements

namespace moves {
void permute(Environment&, size_t element_bytes, Buffer x, Sizes shape, Sizes permutation, Buffer out);
void copy_strided(Environment&, size_t rows, size_t block, Buffer source, size_t source_byte, size_t source_stride, Buffer target,
                  size_t target_byte, size_t target_stride);
}  // namespace moves

namespace reductions {
void reduce(Environment&, ReduceOp op, Buffer x, size_t outer, size_t axis, size_t inner, Buffer out, ActivationType type);
Difference count_different(Environment&, Buffer a, Buffer b, size_t count);
double count_non_finite(Environment&, Buffer x, size_t count);
double sum_squares(Environment&, Buffer x, size_t count);
}  // namespace reductions

namespace linear {
void matmul(Environment&, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, Buffer a, Buffer b, Buffer c,
            bool accumulate, ActivationType a_type, ActivationType b_type, ActivationType c_type);
void forward(Environment&, size_t rows, size_t in_features, size_t out_features, Buffer x, Buffer weight, OptionalBuffer bias,
             Buffer y, ActivationType type);
}  // namespace linear

namespace conv {
void forward(Environment&, ConvSpec spec, Buffer x, Buffer weight, OptionalBuffer bias, Buffer y, ActivationType type);
bool forward_events(Environment&, ConvSpec spec, Buffer x, Buffer weight, OptionalBuffer bias, Buffer y, double most_events);
void backward_data(Environment&, ConvSpec spec, Buffer grad_y, Buffer weight, Buffer grad_x, ActivationType type);
void backward_weights(Environment&, ConvSpec spec, Buffer x, Buffer grad_y, Buffer grad_weight, OptionalBuffer grad_bias,
                      ActivationType type);
}  // namespace conv

namespace pool {
void forward(Environment&, PoolOp op, PoolSpec spec, Buffer x, Buffer y, OptionalBuffer indices, ActivationType type);
void backward(Environment&, PoolOp op, PoolSpec spec, Buffer grad_y, OptionalBuffer indices, Buffer grad_x, ActivationType type);
}  // namespace pool

namespace batch_norm {
void train(Environment&, size_t rows, size_t channels, double epsilon, Buffer x, OptionalBuffer weight, OptionalBuffer bias,
           Buffer mean, Buffer variance, Buffer affine, ActivationType type);
void infer(Environment&, size_t channels, double epsilon, Buffer mean, Buffer variance, OptionalBuffer weight, OptionalBuffer bias,
           Buffer affine);
void channel_affine(Environment&, size_t rows, size_t channels, Buffer x, Buffer affine, Buffer y, ActivationType type);
void backward(Environment&, bool training, size_t rows, size_t channels, double epsilon, Buffer x, Buffer grad_y, Buffer mean,
              Buffer variance, OptionalBuffer weight, OptionalBuffer grad_x, OptionalBuffer grad_weight, OptionalBuffer grad_bias,
              ActivationType type);
}  // namespace batch_norm

namespace loss {
void softmax_cross_entropy(Environment&, size_t rows, size_t classes, Buffer logits, Buffer labels, Buffer loss,
                           OptionalBuffer grad);
}

namespace neurons {
void forward(Environment&, NeuronForwardArguments arguments);
void backward(Environment&, NeuronBackwardArguments arguments);
void surrogate_grad(Environment&, std::string surrogate, Numbers params, Buffer x, Buffer out, size_t count);
}  // namespace neurons

namespace optimizers {
void sgd(Environment&, Buffer param, Buffer grad, OptionalBuffer momentum, size_t count, SgdOptions options);
// Of all parameters at once.
void step(Environment&, OptimizerStepArguments arguments);
void adam(Environment&, Buffer param, Buffer grad, Buffer mean, Buffer variance, size_t count, AdamOptions options);
}  // namespace optimizers

namespace random {
void uniform(Environment&, size_t seed, size_t stream, size_t position, Buffer out, size_t count);
void normal(Environment&, size_t seed, size_t stream, size_t position, Buffer out, size_t count);
void bernoulli(Environment&, size_t seed, size_t stream, size_t position, Buffer probability, Buffer out, size_t count);
}  // namespace random

}  // namespace spikeship
