// Matrix products through oneDNN. Measured on AVX-512 with 2.6: where the second matrix is stored transposed (the forward pass of
// a linear layer) the matmul primitive is up to three times faster than sgemm, which packs the weights badly for few rows; in
// all other cases sgemm is as fast and needs no planning.
#include <dnnl.h>

#include <algorithm>

#include "dnnl_compat.h"
#include "entries.h"
#include "failure.h"

namespace spikeship::linear {
namespace {

// Operations of conv.cc count from 1.
constexpr int64_t matmul_kind = 16;

DenseOperation make_transposed(const dnnl::engine& engine, dnnl_dim_t rows, dnnl_dim_t columns, dnnl_dim_t inner, bool bias) {
  using dnnl::memory;
  const auto data = memory::data_type::f32;
  memory::desc bias_desc;
  if (bias) bias_desc = {{1, columns}, data, memory::format_tag::ab};
  const auto pd = dnnl_compat::matmul(engine, {{rows, inner}, data, memory::format_tag::ab},
                                      {{inner, columns}, data, memory::format_tag::ba}, bias_desc,
                                      {{rows, columns}, data, memory::format_tag::ab}, dense_attributes());
  DenseOperation operation;
  operation.primitive = dnnl::matmul(pd);
  operation.add(DNNL_ARG_SRC, pd.src_desc(), engine);
  operation.add(DNNL_ARG_WEIGHTS, pd.weights_desc(), engine);
  if (bias) operation.add(DNNL_ARG_BIAS, bias_desc, engine);
  operation.add(DNNL_ARG_DST, pd.dst_desc(), engine);
  operation.add(DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), engine);
  return operation;
}

// c [rows, columns] = a [rows, inner] times b [columns, inner] transposed, plus bias [columns] (or null).
void multiply_transposed(Environment& environment, size_t rows, size_t columns, size_t inner, float* a, float* b, float* bias,
                         float* c) {
  const auto m = static_cast<dnnl_dim_t>(rows);
  const auto n = static_cast<dnnl_dim_t>(columns);
  const auto k = static_cast<dnnl_dim_t>(inner);
  auto& operation = environment.dense.find(
      {matmul_kind, m, n, k, bias != nullptr},
      [=](const dnnl::engine& engine) { return make_transposed(engine, m, n, k, bias != nullptr); });
  operation.set(DNNL_ARG_SRC, a);
  operation.set(DNNL_ARG_WEIGHTS, b);
  if (bias != nullptr) operation.set(DNNL_ARG_BIAS, bias);
  operation.set(DNNL_ARG_DST, c);
  environment.dense.run(operation);
}

void multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float* a, const float* b, float* c,
              bool accumulate) {
  const auto rows = static_cast<dnnl_dim_t>(m);
  const auto columns = static_cast<dnnl_dim_t>(n);
  const auto inner = static_cast<dnnl_dim_t>(k);
  const dnnl_status_t status =
      dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', rows, columns, inner, 1.0f, a, transpose_a ? rows : inner, b,
                 transpose_b ? inner : columns, accumulate ? 1.0f : 0.0f, c, columns);
  if (status != dnnl_success) throw dnnl::error(status, "could not multiply the matrices");
}

// The product over nothing: zeros, or the bias.
void without_inner(size_t rows, size_t columns, const float* bias, float* c) {
  for (size_t row = 0; row < rows; row++) {
    if (bias == nullptr) std::fill_n(c + row * columns, columns, 0.0f);
    else std::copy_n(bias, columns, c + row * columns);
  }
}

}  // namespace

void matmul(Environment& environment, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, Buffer a, Buffer b,
            Buffer c, bool accumulate) {
  float* left = a.floats(product({m, k}), "matmul a");
  float* right = b.floats(product({k, n}), "matmul b");
  float* result = c.floats(product({m, n}), "matmul c");
  if (m == 0 || n == 0 || (k == 0 && accumulate)) return;
  if (k == 0) return without_inner(m, n, nullptr, result);
  if (!transpose_a && transpose_b && !accumulate) {
    return multiply_transposed(environment, m, n, k, left, right, nullptr, result);
  }
  multiply(transpose_a, transpose_b, m, n, k, left, right, result, accumulate);
}

void forward(Environment& environment, size_t rows, size_t in_features, size_t out_features, Buffer x, Buffer weight,
             OptionalBuffer bias, Buffer y) {
  float* source = x.floats(product({rows, in_features}), "linearForward x");
  float* weights = weight.floats(product({in_features, out_features}), "linearForward weight");
  float* offsets = bias.floats(out_features, "linearForward bias");
  float* result = y.floats(product({rows, out_features}), "linearForward y");
  if (rows == 0 || out_features == 0) return;
  if (in_features == 0) return without_inner(rows, out_features, offsets, result);
  multiply_transposed(environment, rows, out_features, in_features, source, weights, offsets, result);
}

}  // namespace spikeship::linear
