// Sums in an order that depends on the shape only, never on the number of threads.
#pragma once

#include "environment.h"

namespace spikeship {

// out[o, i] = scale * sum over a of x[o, a, i], added up in double precision and rounded once.
void sum_axis(Environment& environment, const float* x, size_t outer, size_t axis, size_t inner, double scale, float* out);

// How the rows of a matrix are cut into chunks whose sums are added in order.
struct RowChunks {
  size_t rows_each;
  size_t count;
};
RowChunks row_chunks(size_t rows, size_t columns);

}  // namespace spikeship
