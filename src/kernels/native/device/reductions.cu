// Reductions. Sums are in double precision like the CPU's, in another order: the rounded results are the same but where a sum lies
// within a double's last places of a tie between two float32 numbers. Extremes, indices and counts do not depend on order.
#include "column_reduction.h"
#include "kernels.h"
#include "quads.h"

#include <bit>
#include <limits>

namespace spikeship::device {
namespace {

struct Sum {
  double value;
  DEVICE_CODE void merge(const Sum& other) { value += other.value; }
};

template <class Number>
struct SumOf {
  using Partial = Sum;
  const Number* x;
  size_t rows, columns;
  DEVICE_CODE Sum start() const { return {0.0}; }
  DEVICE_CODE void add(size_t outer, size_t row, size_t column, Sum& sum) const {
    sum.value += static_cast<double>(widened(x[(outer * rows + row) * columns + column]));
  }
};

struct FinishSum {
  double scale;
  float* out;
  DEVICE_CODE void operator()(size_t result, const Sum& sum) const { out[result] = static_cast<float>(sum.value * scale); }
};

// A value and its row; the row is -1 as long as there is none.
struct Highest {
  float value;
  int32_t row;
  // The first maximum wins; the first NaN if there is one.
  DEVICE_CODE void merge(const Highest& other) {
    const bool none = row < 0;
    const bool nan = value != value, other_nan = other.value != other.value;
    const bool earlier = other.row < row;
    const bool equal = (nan & other_nan) | (value == other.value);
    const bool higher = !nan && (other_nan | (other.value > value));
    if (other.row >= 0 && (none | higher | (equal & earlier))) *this = other;
  }
};

template <class Number>
struct HighestOf {
  using Partial = Highest;
  const Number* x;
  size_t rows, columns;
  DEVICE_CODE Highest start() const { return {0.0f, -1}; }
  DEVICE_CODE void add(size_t outer, size_t row, size_t column, Highest& best) const {
    best.merge({widened(x[(outer * rows + row) * columns + column]), static_cast<int32_t>(row)});
  }
};

struct FinishMax {
  float* out;
  DEVICE_CODE void operator()(size_t result, const Highest& best) const { out[result] = best.value; }
};

struct FinishArgmax {
  int32_t* out;
  DEVICE_CODE void operator()(size_t result, const Highest& best) const { out[result] = best.row; }
};

// --- over whole arrays -----------------------------------------------------------------------------------------------------------

// Element places of one group of four, read at once where that is possible: visit(place).
struct FlatQuads {
  size_t count;
  bool wide;
  template <unsigned arrays, class Visit>
  DEVICE_CODE void visit(const float* const (&x)[arrays], size_t quad, Visit visit) const {
    const size_t first = 4 * quad;
    if (wide && first + 4 <= count) {
      Pack<float, 4> packs[arrays];
      for (unsigned array = 0; array < arrays; array++) packs[array] = load<4>(x[array] + first);
      for (unsigned k = 0; k < 4; k++) {
        float values[arrays];
        for (unsigned array = 0; array < arrays; array++) values[array] = packs[array].at[k];
        visit(first + k, values);
      }
    } else {
      for (size_t i = first; i < count && i < first + 4; i++) {
        float values[arrays];
        for (unsigned array = 0; array < arrays; array++) values[array] = x[array][i];
        visit(i, values);
      }
    }
  }
};

struct SquaresOf {
  using Partial = Sum;
  const float* x;
  FlatQuads flat;
  DEVICE_CODE Sum start() const { return {0.0}; }
  DEVICE_CODE void add(size_t, size_t quad, size_t, Sum& sum) const {
    flat.visit({x}, quad, [&](size_t, const float(&value)[1]) {
      sum.value += static_cast<double>(value[0]) * static_cast<double>(value[0]);
    });
  }
};

struct Found {
  uint64_t count, first;
  DEVICE_CODE void merge(const Found& other) {
    count += other.count;
    first = other.first < first ? other.first : first;
  }
};
constexpr uint64_t nowhere = ~uint64_t{0};

struct NonFiniteIn {
  using Partial = Found;
  const float* x;
  FlatQuads flat;
  DEVICE_CODE Found start() const { return {0, nowhere}; }
  DEVICE_CODE void add(size_t, size_t quad, size_t, Found& found) const {
    flat.visit({x}, quad, [&](size_t, const float(&value)[1]) {
      found.count += (std::bit_cast<uint32_t>(value[0]) & 0x7f800000u) == 0x7f800000u;
    });
  }
};

struct DifferentIn {
  using Partial = Found;
  const float *a, *b;
  FlatQuads flat;
  DEVICE_CODE Found start() const { return {0, nowhere}; }
  DEVICE_CODE void add(size_t, size_t quad, size_t, Found& found) const {
    flat.visit({a, b}, quad, [&](size_t i, const float(&value)[2]) {
      if (value[0] != value[1]) found.merge({1, i});
    });
  }
};

// Reduces all elements to one Partial and waits for it.
template <class Source>
typename Source::Partial reduce_all(size_t count, Source source, const char* what) {
  using Partial = typename Source::Partial;
  const Scratch result(sizeof(Partial));
  reduce_columns({1, quads(count), 1}, source, KeepPartial<Partial>{result.as<Partial>()}, what);
  Partial partial;
  fetch(result.as<Partial>(), &partial, sizeof partial);
  return partial;
}

}  // namespace

void reduce(ReduceOp op, const void* x, size_t outer, size_t axis, size_t inner, void* out, ActivationType type) {
  const ReductionShape shape{outer, axis, inner};
  auto* values = static_cast<float*>(out);
  // The sum of nothing is 0, its mean NaN (the scale is then infinite).
  const double scale = op == ReduceOp::mean ? 1.0 / static_cast<double>(axis) : 1.0;
  with_activation(type, [&](auto stored) {
    using Number = decltype(stored);
    const auto* source = static_cast<const Number*>(x);
    switch (op) {
      case ReduceOp::sum:
      case ReduceOp::mean: return reduce_columns(shape, SumOf<Number>{source, axis, inner}, FinishSum{scale, values}, "reduce");
      case ReduceOp::max: return reduce_columns(shape, HighestOf<Number>{source, axis, inner}, FinishMax{values}, "reduce");
      case ReduceOp::argmax:
        return reduce_columns(shape, HighestOf<Number>{source, axis, inner}, FinishArgmax{static_cast<int32_t*>(out)}, "reduce");
    }
  });
}

Difference count_different(const float* a, const float* b, size_t count) {
  refuse_in_capture("countDifferent");
  const FlatQuads flat{count, aligned_to(16, a) && aligned_to(16, b)};
  const Found found = reduce_all(count, DifferentIn{a, b, flat}, "countDifferent");
  return {static_cast<double>(found.count), found.count == 0 ? -1.0 : static_cast<double>(found.first)};
}

double count_non_finite(const float* x, size_t count) {
  refuse_in_capture("countNonFinite");
  return static_cast<double>(reduce_all(count, NonFiniteIn{x, {count, aligned_to(16, x)}}, "countNonFinite").count);
}

double sum_squares(const float* x, size_t count) {
  refuse_in_capture("sumSquares");
  return reduce_all(count, SquaresOf{x, {count, aligned_to(16, x)}}, "sumSquares").value;
}

}  // namespace spikeship::device
