// Reductions as JavaScript calls them: cut into chunks by shape alone, chunks on any thread, results put together in order.
#include <algorithm>

#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "float_copies.h"
#include "parallel.h"
#include "optimizer_step.h"
#include "reduce_kernels.h"
#include "sum_axis.h"
#include "whole_reductions.h"

namespace spikeship {
namespace {

constexpr size_t chunk_elements = square_chunk;
constexpr size_t most_chunks = 64;
// Columns that one task handles; its sums stay on the stack.
constexpr size_t tile_columns = 1024;

}  // namespace

RowChunks row_chunks(size_t rows, size_t columns) {
  // Wide matrices have work enough in their columns.
  const size_t by_size = columns > 4 * tile_columns ? rows : std::max<size_t>(1, chunk_elements / columns);
  const size_t rows_each = std::max<size_t>({1, by_size, (rows + most_chunks - 1) / most_chunks});
  return {rows_each, (rows + rows_each - 1) / rows_each};
}

void sum_axis(Environment& environment, const float* x, size_t outer, size_t axis, size_t inner, double scale, float* out) {
  if (outer == 0 || inner == 0) return;
  if (axis == 0) {
    // The sum of nothing is 0, its mean NaN (scale is then infinite).
    std::fill_n(out, outer * inner, static_cast<float>(0.0 * scale));
    return;
  }
  const auto [rows_each, chunks] = outer >= most_chunks ? RowChunks{axis, 1} : row_chunks(axis, inner);
  const size_t tiles = (inner + tile_columns - 1) / tile_columns;
  const bool parallel = outer * axis * inner >= parallel_from;
  double* partials = chunks > 1 ? environment.partials.doubles(outer * chunks * inner) : nullptr;

#pragma omp parallel for schedule(static) if (parallel)
  for (size_t task = 0; task < outer * chunks * tiles; task++) {
    const size_t first_column = task % tiles * tile_columns;
    const size_t chunk = task / tiles % chunks;
    const size_t row = chunk * rows_each;
    const size_t o = task / tiles / chunks;
    const size_t rows = std::min(rows_each, axis - row);
    const size_t columns = std::min(tile_columns, inner - first_column);
    const float* start = x + (o * axis + row) * inner + first_column;
    double sums[tile_columns];
    double* target = chunks > 1 ? partials + (o * chunks + chunk) * inner + first_column : sums;
    SPIKESHIP_ON_BEST_ISA(sum_columns(start, rows, inner, columns, target));
    if (chunks > 1) continue;
    for (size_t i = 0; i < columns; i++) out[o * inner + first_column + i] = static_cast<float>(sums[i] * scale);
  }
  if (chunks == 1) return;
#pragma omp parallel for schedule(static) if (outer * chunks * inner >= parallel_from)
  for (size_t i = 0; i < outer * inner; i++) {
    const double* column = partials + i / inner * chunks * inner + i % inner;
    double sum = 0;
    for (size_t chunk = 0; chunk < chunks; chunk++) sum += column[chunk * inner];
    out[i] = static_cast<float>(sum * scale);
  }
}

namespace reductions {
namespace {

// Maximum, or index of the first maximum, of each column.
void extremes(const float* x, size_t outer, size_t axis, size_t inner, float* values, int32_t* indices) {
  const size_t tiles = (inner + tile_columns - 1) / tile_columns;
#pragma omp parallel for schedule(static) if (outer * axis * inner >= parallel_from)
  for (size_t task = 0; task < outer * tiles; task++) {
    const size_t first = task % tiles * tile_columns;
    const size_t o = task / tiles;
    const size_t columns = std::min(tile_columns, inner - first);
    const float* start = x + o * axis * inner + first;
    float best[tile_columns];
    if (indices == nullptr) SPIKESHIP_ON_BEST_ISA(max_columns(start, axis, inner, columns, values + o * inner + first));
    else SPIKESHIP_ON_BEST_ISA(argmax_columns(start, axis, inner, columns, best, indices + o * inner + first));
  }
}

// Adds up `part(first, count)` over chunks in order.
template <class Number, class Part>
Number in_chunks(Environment& environment, size_t count, Part part) {
  static_assert(sizeof(Number) == sizeof(double));
  const size_t chunks = (count + chunk_elements - 1) / chunk_elements;
  if (chunks == 0) return 0;
  auto* parts = static_cast<Number*>(environment.partials.bytes(chunks * sizeof(Number)));
#pragma omp parallel for schedule(static) if (count >= parallel_from)
  for (size_t chunk = 0; chunk < chunks; chunk++) {
    const size_t first = chunk * chunk_elements;
    parts[chunk] = part(first, std::min(chunk_elements, count - first));
  }
  Number sum = 0;
  for (size_t chunk = 0; chunk < chunks; chunk++) sum += parts[chunk];
  return sum;
}

size_t non_finite_in(Environment& environment, const float* x, size_t count) {
  return in_chunks<size_t>(environment, count, [=](size_t first, size_t n) {
    return SPIKESHIP_ON_BEST_ISA(count_non_finite(x + first, n));
  });
}

}  // namespace

void reduce(Environment& environment, ReduceOp op, Buffer x, size_t outer, size_t axis, size_t inner, Buffer out, ActivationType type) {
  if (type != ActivationType::float32 && call_device() == nullptr) {
    const FloatsIn given(environment, x, type, product({outer, axis, inner}), "reduce x");
    return reduce(environment, op, given.floats(), outer, axis, inner, out, ActivationType::float32);
  }
  const auto* source = static_cast<const float*>(x.numbers(product({outer, axis, inner}), type, "reduce x"));
  const size_t results = product({outer, inner});
  const bool extreme = op == ReduceOp::max || op == ReduceOp::argmax;
  if (extreme && axis == 0 && results > 0) {
    throw Failure{"SHAPE", "reduce", "at least one element to find the maximum of", "an axis of size 0", ""};
  }
  float* values = out.floats(results, "reduce out");
  if (const DeviceKernels* device = call_device()) return device->reduce(op, source, outer, axis, inner, values, type);
  switch (op) {
    case ReduceOp::sum: return sum_axis(environment, source, outer, axis, inner, 1.0, values);
    case ReduceOp::mean: return sum_axis(environment, source, outer, axis, inner, 1.0 / static_cast<double>(axis), values);
    case ReduceOp::max: return extremes(source, outer, axis, inner, values, nullptr);
    case ReduceOp::argmax: return extremes(source, outer, axis, inner, nullptr, out.as<int32_t>(results, "reduce out"));
  }
}

Difference count_different(Environment& environment, Buffer a, Buffer b, size_t count) {
  const float* left = a.floats(count, "countDifferent a");
  const float* right = b.floats(count, "countDifferent b");
  if (const DeviceKernels* device = call_device()) return device->count_different(left, right, count);
  const auto different = in_chunks<size_t>(environment, count, [=](size_t first, size_t n) {
    return SPIKESHIP_ON_BEST_ISA(count_different(left + first, right + first, n));
  });
  if (different == 0) return {0, -1};
  size_t first = 0;
  while (left[first] == right[first]) first++;
  return {static_cast<double>(different), static_cast<double>(first)};
}

double count_non_finite(Environment& environment, Buffer x, size_t count) {
  const float* values = x.floats(count, "countNonFinite x");
  if (const DeviceKernels* device = call_device()) return device->count_non_finite(values, count);
  return static_cast<double>(non_finite_in(environment, values, count));
}

double sum_squares(Environment& environment, Buffer x, size_t count) {
  const float* values = x.floats(count, "sumSquares x");
  if (const DeviceKernels* device = call_device()) return device->sum_squares(values, count);
  return squares_of(environment, values, count, 1.0f);
}

}  // namespace reductions

double squares_of(Environment& environment, const float* x, size_t count, float factor) {
  return reductions::in_chunks<double>(environment, count, [=](size_t first, size_t n) {
    return SPIKESHIP_ON_BEST_ISA(sum_squares(x + first, n, factor));
  });
}

bool all_finite(Environment& environment, const float* x, size_t count) { return reductions::non_finite_in(environment, x, count) == 0; }

}  // namespace spikeship
