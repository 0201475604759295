// The part of cuBLASLt that is called here, as NVIDIA's cublasLt.h and cublas_api.h (12.x and 13.x) declare it. It is declared here
// because the library is opened at run time and its headers need not be there when this is built.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spikeship::device::cublas {

// Opaque pointers of the library.
using Handle = struct HandleOpaque*;
using Operation = struct OperationOpaque*;
using Layout = struct LayoutOpaque*;
using Preference = struct PreferenceOpaque*;
using Stream = void*;

using Status = int;  // cublasStatus_t
inline constexpr Status success = 0;

// cudaDataType, cublasComputeType_t, cublasOperation_t, cublasLtEpilogue_t, cublasLtReductionScheme_t.
inline constexpr int32_t real_float32 = 0, real_float16 = 2, real_bfloat16 = 14;
inline constexpr int32_t compute_float32 = 68, compute_fast_tf32 = 77;
inline constexpr int32_t as_stored = 0, transposed = 1;
inline constexpr uint32_t epilogue_bias = 4;
// Partial sums go to the workspace and are added in a separate step, in a fixed order. Not allowed: 1, adding in place in the order
// in which blocks finish.
inline constexpr uint32_t reductions_in_order = 2 | 4;
// Where the result has fewer bits: 4 would write partial sums as such numbers.
inline constexpr uint32_t reductions_in_float32 = 2;

// cublasLtMatmulDescAttributes_t, cublasLtMatrixLayoutAttribute_t, cublasLtMatmulPreferenceAttributes_t.
enum class OperationAttribute : int { transpose_a = 3, transpose_b = 4, epilogue = 7, bias_pointer = 8 };
enum class LayoutAttribute : int { batch_count = 5, batch_stride = 6 };
enum class PreferenceAttribute : int {
  most_workspace = 1, reduction_schemes = 3, alignment_a = 5, alignment_b = 6, alignment_c = 7, alignment_d = 8
};

struct Algorithm {
  uint64_t data[8];
};

// cublasLtMatmulHeuristicResult_t
struct Heuristic {
  Algorithm algorithm;
  size_t workspace;
  Status state;
  float waves;
  int reserved[4];
};

struct Functions {
  Status (*create)(Handle*);
  const char* (*status_string)(Status);
  Status (*operation_create)(Operation*, int compute_type, int scale_type);
  Status (*operation_destroy)(Operation);
  Status (*operation_set)(Operation, OperationAttribute, const void* value, size_t bytes);
  Status (*layout_create)(Layout*, int type, uint64_t rows, uint64_t columns, int64_t leading);
  Status (*layout_destroy)(Layout);
  Status (*layout_set)(Layout, LayoutAttribute, const void* value, size_t bytes);
  Status (*preference_create)(Preference*);
  Status (*preference_destroy)(Preference);
  Status (*preference_set)(Preference, PreferenceAttribute, const void* value, size_t bytes);
  Status (*heuristics)(Handle, Operation, Layout a, Layout b, Layout c, Layout d, Preference, int wanted, Heuristic* results, int* count);
  Status (*matmul)(Handle, Operation, const void* alpha, const void* a, Layout, const void* b, Layout, const void* beta, const void* c,
                   Layout, void* d, Layout, const Algorithm*, void* workspace, size_t workspace_bytes, Stream);
};

// Null where the library was not found, or lacks one of them.
const Functions* functions();

}  // namespace spikeship::device::cublas
