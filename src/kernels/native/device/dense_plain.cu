// Matrix products by plain loops (the emulated device's only ones, and the last resort of a machine without cuBLAS), and the small work
// around products.
#include "factor_types.h"
#include "dense_product.h"
#include "divider.h"
#include "quads.h"

namespace spikeship::device {
namespace {

template <class Factor, class Stored>
struct PlainProduct {
  Product p;
  DEVICE_CODE void operator()(size_t i) const {
    const size_t column = i % p.n;
    const size_t row = i / p.n % p.m;
    const size_t group = i / p.n / p.m;
    const size_t a_step = p.transpose_a ? p.a_row : 1;
    const size_t b_step = p.transpose_b ? 1 : p.b_row;
    const Factor* a = static_cast<const Factor*>(p.a) + group * p.a_group + row * (p.transpose_a ? 1 : p.a_row);
    const Factor* b = static_cast<const Factor*>(p.b) + group * p.b_group + column * (p.transpose_b ? p.b_row : 1);
    double sum = 0;
    for (size_t inner = 0; inner < p.k; inner++) {
      sum += static_cast<double>(widened(a[inner * a_step])) * static_cast<double>(widened(b[inner * b_step]));
    }
    if (p.bias != nullptr) sum += static_cast<double>(p.bias[group * p.n + column]);
    Stored* c = static_cast<Stored*>(p.c) + group * p.c_group + row * p.c_row + column;
    narrow(static_cast<float>(p.accumulate ? sum + static_cast<double>(widened(*c)) : sum), *c);
  }
};

// c = bias, or c += bias.
template <class Stored, class Index>
struct Rows {
  Stored* c;
  Divider<Index> columns;
  const float* bias;
  bool add;
  DEVICE_CODE void operator()(size_t i) const {
    auto rest = static_cast<Index>(i);
    const float value = bias == nullptr ? 0.0f : bias[split(rest, columns)];
    narrow(add ? widened(c[i]) + value : value, c[i]);
  }
};

void rows_of(const Result& c, size_t rows, size_t columns, const float* bias, bool add, const char* what) {
  with_activation(c.type, [&](auto stored) {
    using Stored = decltype(stored);
    with_index(rows * columns, [&](auto index) {
      using Index = decltype(index);
      for_each(rows * columns, Rows<Stored, Index>{static_cast<Stored*>(c.data), Divider<Index>(columns), bias, add}, what);
    });
  });
}

template <class Factor>
struct RoundFactors {
  const float* x;
  Factor* out;
  size_t count;
  bool wide;
  DEVICE_CODE void operator()(size_t quad) const {
    const size_t first = 4 * quad;
    if (wide && first + 4 <= count) {
      const Pack<float, 4> given = load<4>(x + first);
      Pack<Factor, 4> rounded;
      for (unsigned place = 0; place < 4; place++) narrow(given.at[place], rounded.at[place]);
      store(out + first, rounded);
    } else {
      for (size_t i = first; i < count && i < first + 4; i++) narrow(x[i], out[i]);
    }
  }
};

}  // namespace

void multiply_plain(const Product& p) {
  const size_t count = p.m * p.n * p.groups;
  with_factor(p.precision, [&](auto factor) {
    with_activation(p.c_type, [&](auto stored) {
      for_each(count, PlainProduct<decltype(factor), decltype(stored)>{p}, "matrix product");
    });
  });
}

void fill_rows(const Result& c, size_t rows, size_t columns, const float* bias) { rows_of(c, rows, columns, bias, false, "rows of a bias"); }

void add_to_rows(const Result& c, size_t rows, size_t columns, const float* bias) { rows_of(c, rows, columns, bias, true, "adding a bias"); }

void round_factors(const float* x, Precision precision, void* out, size_t count) {
  with_factor(precision, [&](auto factor) {
    using Factor = decltype(factor);
    const bool wide = aligned_to(16, x) && aligned_to(4 * sizeof(Factor), out);
    for_each(quads(count), RoundFactors<Factor>{x, static_cast<Factor*>(out), count, wide}, "rounding of factors");
  });
}

}  // namespace spikeship::device
