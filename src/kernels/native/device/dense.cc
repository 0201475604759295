// Matrix products and convolutions as the table has them: the cases without numbers, the rounding of factors, and who computes.
#include <optional>

#include "conv_by_library.h"
#include "conv_weights_order.h"
#include "dense_product.h"
#include "device_runtime.h"
#include "factor_types.h"
#include "kernels.h"

namespace spikeship::device {
namespace {

Precision precision_now = Precision::float32;

// A factor as the products read it, while this lives: the array itself where it holds such numbers already, else its rounding.
class Rounded {
 public:
  Rounded(const void* values, ActivationType type, Precision precision, size_t count) : factor_{values, precision} {
    if (precision_of(type) == precision) return;
    memory_.emplace(count * number_bytes(precision));
    round_factors(static_cast<const float*>(values), precision, memory_->as<void>(), count);
    factor_.data = memory_->as<void>();
  }
  operator Factor() const { return factor_; }
  const void* data() const { return factor_.data; }

 private:
  Factor factor_;
  std::optional<Scratch> memory_;
};

// What the factors of a product with an array of a type are rounded to.
Precision precision_with(ActivationType type) { return type == ActivationType::float32 ? precision_now : precision_of(type); }

size_t input_count(const ConvSpec& spec) { return spec.batch * spec.input_points() * spec.in_channels; }
size_t output_rows(const ConvSpec& spec) { return spec.batch * spec.output_points(); }

}  // namespace

void set_precision(Precision precision) { precision_now = precision; }

void matmul(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const void* a, const void* b, void* c, bool accumulate,
            const ProductTypes& types) {
  if (k == 0) return fill_rows({c, types.c}, m, n, nullptr);
  const Precision precision = precision_with(types.half());
  const Rounded left(a, types.a, precision, m * k), right(b, types.b, precision, k * n);
  multiply({.transpose_a = transpose_a, .transpose_b = transpose_b, .m = m, .n = n, .k = k, .precision = precision, .a = left.data(),
            .b = right.data(), .c = c, .c_type = types.c, .accumulate = accumulate, .a_row = transpose_a ? m : k,
            .b_row = transpose_b ? k : n, .c_row = n});
}

void linear_forward(size_t rows, size_t in_features, size_t out_features, const void* x, const float* weight, const float* bias, void* y,
                    ActivationType type) {
  if (in_features == 0) return fill_rows({y, type}, rows, out_features, bias);
  const Precision precision = precision_with(type);
  const Rounded source(x, type, precision, rows * in_features);
  const Rounded weights(weight, ActivationType::float32, precision, out_features * in_features);
  multiply({.transpose_b = true, .m = rows, .n = out_features, .k = in_features, .precision = precision, .a = source.data(),
            .b = weights.data(), .bias = bias, .c = y, .c_type = type, .a_row = in_features, .b_row = in_features,
            .c_row = out_features});
}

void conv_forward(const ConvSpec& spec, const void* x, const float* weight, const float* bias, void* y, ActivationType type) {
  const Result result{y, type};
  // Windows that lie in padding alone.
  if (input_count(spec) == 0) return fill_rows(result, output_rows(spec), spec.out_channels, bias);
  const Rounded source(x, type, precision_with(type), input_count(spec));
  if (!library_forward(spec, source, weight, bias, result)) lowered_forward(spec, source, weight, bias, result);
}

void conv_backward_data(const ConvSpec& spec, const void* grad_y, const float* weight, void* grad_x, ActivationType type) {
  const Result result{grad_x, type};
  const Rounded given(grad_y, type, precision_with(type), output_rows(spec) * spec.out_channels);
  if (!library_backward_data(spec, given, weight, result)) lowered_backward_data(spec, given, weight, result);
}

void conv_backward_weights(const ConvSpec& spec, const void* x, const void* grad_y, float* grad_weight, float* grad_bias,
                           ActivationType type) {
  if (grad_bias != nullptr) reduce(ReduceOp::sum, grad_y, 1, output_rows(spec), spec.out_channels, grad_bias, type);
  if (input_count(spec) == 0 || output_rows(spec) == 0) return fill(grad_weight, weight_count(spec), 0.0f, ActivationType::float32);
  const Precision precision = precision_with(type);
  const Rounded source(x, type, precision, input_count(spec)), given(grad_y, type, precision, output_rows(spec) * spec.out_channels);
  if (!library_backward_weights(spec, source, given, grad_weight)) lowered_backward_weights(spec, source, given, grad_weight);
}

}  // namespace spikeship::device
