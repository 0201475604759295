// Matrix products on a device: what is multiplied, and who multiplies. dense_cuda.cc gives them to cuBLAS, dense_emulated.cc to the
// plain kernel, which also serves where no library is found.
#pragma once

#include <cstddef>
#include <cstdint>

#include "device_kernels.h"

namespace spikeship::device {

// Bytes of a factor's number. Sums are float32 in all precisions.
inline size_t number_bytes(Precision precision) { return precision == Precision::float32 ? sizeof(float) : sizeof(uint16_t); }

// For each of `groups`: c [m, n] = a [m, k] b [k, n] + bias [n], plus what c held where it is to be kept. Rows lie `*_row` elements
// apart, groups `*_group` (bias: n); a transposed factor is stored as [k, m] or [n, k].
struct Product {
  bool transpose_a = false, transpose_b = false;
  size_t m, n, k;
  // Numbers of `precision`: float, or bfloat16 or float16 in 16 bits.
  Precision precision = Precision::float32;
  const void *a, *b;
  const float* bias = nullptr;
  // Numbers of `c_type`.
  void* c;
  ActivationType c_type = ActivationType::float32;
  bool accumulate = false;
  size_t a_row, b_row, c_row;
  size_t groups = 1, a_group = 0, b_group = 0, c_group = 0;
};

// An array that is written, and how.
struct Result {
  void* data;
  ActivationType type = ActivationType::float32;
  // `count` numbers further on.
  void* at(size_t count) const { return static_cast<char*>(data) + count * bytes_of(type); }
};

// No size is 0.
void multiply(const Product& product);
// One thread for each number of c, sums in double precision in the order of k: right for every shape, fast for none.
void multiply_plain(const Product& product);
// c [rows, columns] = bias [columns] in each row, or 0 where bias is null.
void fill_rows(const Result& c, size_t rows, size_t columns, const float* bias);
// c [rows, columns] += bias [columns] in each row.
void add_to_rows(const Result& c, size_t rows, size_t columns, const float* bias);
// To the numbers of a precision as the CPU rounds: nearest, halves to even.
void round_factors(const float* x, Precision precision, void* out, size_t count);

}  // namespace spikeship::device
