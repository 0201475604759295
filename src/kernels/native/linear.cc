// Matrix products through oneDNN's sgemm (row-major; the same function in 2.x and 3.x).
#include <algorithm>
#include <dnnl.h>
#include <dnnl.hpp>

#include "entries.h"
#include "failure.h"
#include "parallel.h"

namespace spikeship::linear {
namespace {

void multiply(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const float* a, const float* b, float* c,
              float beta) {
  if (m == 0 || n == 0) return;
  if (k == 0) {
    if (beta == 0.0f) std::fill_n(c, m * n, 0.0f);
    return;
  }
  const auto rows = static_cast<dnnl_dim_t>(m);
  const auto columns = static_cast<dnnl_dim_t>(n);
  const auto inner = static_cast<dnnl_dim_t>(k);
  const dnnl_status_t status = dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', rows, columns, inner, 1.0f, a,
                                          transpose_a ? rows : inner, b, transpose_b ? inner : columns, beta, c, columns);
  if (status != dnnl_success) throw dnnl::error(status, "could not multiply the matrices");
}

}  // namespace

void matmul(Environment&, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, Buffer a, Buffer b, Buffer c,
            bool accumulate) {
  multiply(transpose_a, transpose_b, m, n, k, a.floats(product({m, k}), "matmul a"), b.floats(product({k, n}), "matmul b"),
           c.floats(product({m, n}), "matmul c"), accumulate ? 1.0f : 0.0f);
}

void forward(Environment&, size_t rows, size_t in_features, size_t out_features, Buffer x, Buffer weight, OptionalBuffer bias,
             Buffer y) {
  const float* source = x.floats(product({rows, in_features}), "linearForward x");
  const float* weights = weight.floats(product({in_features, out_features}), "linearForward weight");
  const float* offsets = bias.floats(out_features, "linearForward bias");
  float* result = y.floats(product({rows, out_features}), "linearForward y");
  multiply(false, true, rows, out_features, in_features, source, weights, result, 0.0f);
  if (offsets == nullptr) return;
#pragma omp parallel for schedule(static) if (rows * out_features >= parallel_from)
  for (size_t row = 0; row < rows; row++) {
    float* values = result + row * out_features;
    for (size_t i = 0; i < out_features; i++) values[i] += offsets[i];
  }
}

}  // namespace spikeship::linear
