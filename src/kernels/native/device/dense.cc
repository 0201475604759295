// Matrix products and convolutions as the table has them: the cases without numbers, the rounding of factors, and who computes.
#include <optional>

#include "conv_by_library.h"
#include "conv_weights_order.h"
#include "dense_product.h"
#include "device_runtime.h"
#include "kernels.h"

namespace spikeship::device {
namespace {

Precision precision_now = Precision::float32;

// A factor as the products read it: the floats themselves, or their rounding while this lives.
class Rounded {
 public:
  Rounded(const float* values, size_t count) : factor_{values, precision_now} {
    if (precision_now == Precision::float32) return;
    memory_.emplace(count * number_bytes(precision_now));
    round_factors(values, precision_now, memory_->as<void>(), count);
    factor_.data = memory_->as<void>();
  }
  operator Factor() const { return factor_; }
  const void* data() const { return factor_.data; }

 private:
  Factor factor_;
  std::optional<Scratch> memory_;
};

size_t input_count(const ConvSpec& spec) { return spec.batch * spec.input_points() * spec.in_channels; }
size_t output_rows(const ConvSpec& spec) { return spec.batch * spec.output_points(); }

}  // namespace

void set_precision(Precision precision) { precision_now = precision; }

void matmul(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float* a, const float* b, float* c, bool accumulate) {
  if (k == 0) return fill_rows(c, m, n, nullptr);
  const Rounded left(a, m * k), right(b, k * n);
  multiply({.transpose_a = transpose_a, .transpose_b = transpose_b, .m = m, .n = n, .k = k, .precision = precision_now, .a = left.data(),
            .b = right.data(), .c = c, .accumulate = accumulate, .a_row = transpose_a ? m : k, .b_row = transpose_b ? k : n, .c_row = n});
}

void linear_forward(size_t rows, size_t in_features, size_t out_features, const float* x, const float* weight, const float* bias,
                    float* y) {
  if (in_features == 0) return fill_rows(y, rows, out_features, bias);
  const Rounded source(x, rows * in_features), weights(weight, out_features * in_features);
  multiply({.transpose_b = true, .m = rows, .n = out_features, .k = in_features, .precision = precision_now, .a = source.data(),
            .b = weights.data(), .bias = bias, .c = y, .a_row = in_features, .b_row = in_features, .c_row = out_features});
}

void conv_forward(const ConvSpec& spec, const float* x, const float* weight, const float* bias, float* y) {
  // Windows that lie in padding alone.
  if (input_count(spec) == 0) return fill_rows(y, output_rows(spec), spec.out_channels, bias);
  const Rounded source(x, input_count(spec));
  if (!library_forward(spec, source, weight, bias, y)) lowered_forward(spec, source, weight, bias, y);
}

void conv_backward_data(const ConvSpec& spec, const float* grad_y, const float* weight, float* grad_x) {
  const Rounded given(grad_y, output_rows(spec) * spec.out_channels);
  if (!library_backward_data(spec, given, weight, grad_x)) lowered_backward_data(spec, given, weight, grad_x);
}

void conv_backward_weights(const ConvSpec& spec, const float* x, const float* grad_y, float* grad_weight, float* grad_bias) {
  if (grad_bias != nullptr) reduce(ReduceOp::sum, grad_y, 1, output_rows(spec), spec.out_channels, grad_bias);
  if (input_count(spec) == 0 || output_rows(spec) == 0) return fill(grad_weight, weight_count(spec), 0.0f);
  const Rounded source(x, input_count(spec)), given(grad_y, output_rows(spec) * spec.out_channels);
  if (!library_backward_weights(spec, source, given, grad_weight)) lowered_backward_weights(spec, source, given, grad_weight);
}

}  // namespace spikeship::device
