// The kernels of this library, declared as the table in device_kernels.h has them; table.cc puts them in. Each family of them has a
// file of its own.
#pragma once

#include "device_kernels.h"

namespace spikeship::device {

// --- elementwise.cu, broadcast.cu, element_types.cu ------------------------------------------------------------------------------------
void fill(void* out, size_t count, float value, ActivationType type);
void unary(UnaryOp op, const float* x, float* out, size_t count);
void binary(BinaryOp op, const void* a, const void* b, void* out, size_t count, ActivationType type);
void binary_scalar(BinaryOp op, const float* a, float value, bool reversed, float* out, size_t count);
void binary_broadcast(BinaryOp op, const float* a, const float* b, float* out, const Broadcast& plan);
void axpy(float alpha, const float* x, float* y, size_t count);
void clamp(const float* x, float low, float high, float* out, size_t count);
void clamp_grad(const float* x, const float* grad, float low, float high, float* out, size_t count);
void convert(size_t from_type, const void* x, size_t to_type, void* out, size_t count);

// --- permute.cu, moves.cu -----------------------------------------------------------------------------------------------------
void permute(const PermutePlan& plan, const void* x, void* out);
void copy_strided(const StridedCopy& plan, const void* source, void* target);

// --- reductions.cu ------------------------------------------------------------------------------------------------------------
void reduce(ReduceOp op, const void* x, size_t outer, size_t axis, size_t inner, void* out, ActivationType type);
Difference count_different(const float* a, const float* b, size_t count);
double count_non_finite(const float* x, size_t count);
double sum_squares(const float* x, size_t count);

// --- dense_cuda.cc or dense_emulated.cc -----------------------------------------------------------------------------------------
std::vector<LibraryInfo> libraries();
void set_precision(Precision precision);
void matmul(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const void* a, const void* b, void* c, bool accumulate,
            const ProductTypes& types);
void linear_forward(size_t rows, size_t in_features, size_t out_features, const void* x, const float* weight, const float* bias, void* y,
                    ActivationType type);
void conv_forward(const ConvSpec& spec, const void* x, const float* weight, const float* bias, void* y, ActivationType type);
void conv_backward_data(const ConvSpec& spec, const void* grad_y, const float* weight, void* grad_x, ActivationType type);
void conv_backward_weights(const ConvSpec& spec, const void* x, const void* grad_y, float* grad_weight, float* grad_bias,
                           ActivationType type);

// --- pool.cu, batch_norm.cu, loss.cu --------------------------------------------------------------------------------------------
void pool_forward(PoolOp op, const PoolSpec& spec, const void* x, void* y, int32_t* indices, ActivationType type);
void pool_backward(PoolOp op, const PoolSpec& spec, const void* grad_y, const int32_t* indices, void* grad_x, ActivationType type);
void batch_norm_train(const BatchNormShape& shape, const void* x, const float* weight, const float* bias, float* mean, float* variance,
                      float* affine, ActivationType type);
void batch_norm_infer(size_t channels, double epsilon, const float* mean, const float* variance, const float* weight, const float* bias,
                      float* affine);
void channel_affine(size_t rows, size_t channels, const void* x, const float* affine, void* y, ActivationType type);
void batch_norm_backward(bool training, const BatchNormShape& shape, const void* x, const void* grad_y, const float* mean,
                         const float* variance, const float* weight, void* grad_x, float* grad_weight, float* grad_bias,
                         ActivationType type);
void cross_entropy(size_t rows, size_t classes, const float* logits, const int32_t* labels, float* loss, float* grad);

// --- neuron_scan.cu -------------------------------------------------------------------------------------------------------------
void neuron_forward(const NeuronForwardCall& call);
void neuron_backward(const NeuronBackwardCall& call);
void surrogate_grad(const std::string& surrogate, const std::vector<double>& params, const float* x, float* out, size_t n);
// neuron_module_cuda.cu or neuron_module_emulated.cc
bool compile_neuron(const std::string& name, const std::string& text);

// --- optimizers.cu, random.cu ---------------------------------------------------------------------------------------------------
void sgd_step(float* param, const float* grad, float* momentum, size_t count, const SgdOptions& options, const GradientChange& change);
void adam_step(float* param, const float* grad, float* mean, float* variance, size_t count, const AdamOptions& options,
               const GradientChange& change);
void optimizer_step(const OptimizerStepCall& call);  // optimizer_step.cu
void random_uniform(RandomPlace place, float* out, size_t count);
void random_normal(RandomPlace place, float* out, size_t count);
void random_bernoulli(RandomPlace place, const float* probability, float* out, size_t count);

}  // namespace spikeship::device
