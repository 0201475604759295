// The part of cuDNN 9 that is called here: its graph API, as NVIDIA's cudnn_graph.h (9.0 and later) declares it. It is declared here
// because the library is opened at run time and its headers need not be there when this is built.
#pragma once

#include <cstddef>
#include <cstdint>

namespace spikeship::device::cudnn {

using Handle = struct HandleOpaque*;
using RawDescriptor = void*;
using Stream = void*;

using Status = int;  // cudnnStatus_t
inline constexpr Status success = 0;

// cudnnDataType_t, cudnnConvolutionMode_t (a convolution in the sense of neural networks) and cudnnBackendHeurMode_t.
inline constexpr int float32 = 0, float16 = 2, bfloat16 = 9;
inline constexpr int cross_correlation = 1;
inline constexpr int heuristic_fallback = 2, heuristic_best = 3;

// cudnnBackendDescriptorType_t
enum class Kind : int {
  convolution = 1, engine = 2, engine_choice = 3, engine_heuristic = 4, plan = 5, forward = 10, backward_weights = 11, backward_data = 12,
  graph = 15, variant_pack = 16, tensor = 17
};

// cudnnBackendAttributeType_t
enum class Type : int {
  handle = 0, data_type = 1, boolean = 2, int64 = 3, float32 = 4, pointer = 6, convolution_mode = 7, heuristic_mode = 8,
  numerical_note = 11, descriptor = 15
};

// cudnnBackendAttributeName_t. Those of the three operations have the same order with another start.
enum class Attribute : int {
  convolution_compute_type = 100, convolution_mode = 101, convolution_dilations = 102, convolution_strides = 103,
  convolution_padding_after = 104, convolution_padding_before = 105, convolution_axes = 106,
  heuristic_mode = 200, heuristic_graph = 201, heuristic_results = 202,
  choice_engine = 300,
  plan_handle = 400, plan_choice = 401, plan_workspace = 402,
  forward_alpha = 700, forward_beta = 701, forward_convolution = 702, forward_weights = 703, forward_x = 704, forward_y = 705,
  data_alpha = 706, data_beta = 707, data_convolution = 708, data_weights = 709, data_grad_x = 710, data_grad_y = 711,
  weights_alpha = 712, weights_beta = 713, weights_convolution = 714, weights_grad = 715, weights_x = 716, weights_grad_y = 717,
  graph_handle = 800, graph_operations = 801,
  tensor_alignment = 900, tensor_type = 901, tensor_sizes = 902, tensor_strides = 903, tensor_id = 906,
  pack_ids = 1000, pack_pointers = 1001, pack_workspace = 1003,
  engine_numerical_notes = 1303
};

// cudnnBackendNumericalNote_t
enum class Note : int {
  tensor_core = 0, down_convert_inputs = 1, reduced_precision_reduction = 2, fft = 3, nondeterministic = 4, winograd = 5,
  winograd_4x4 = 6, winograd_6x6 = 7, winograd_13x13 = 8
};

struct Functions {
  Status (*create)(Handle*);
  Status (*set_stream)(Handle, Stream);
  const char* (*status_string)(Status);
  Status (*create_descriptor)(Kind, RawDescriptor*);
  Status (*destroy_descriptor)(RawDescriptor);
  Status (*finalize)(RawDescriptor);
  Status (*set)(RawDescriptor, Attribute, Type, int64_t count, const void* values);
  Status (*get)(RawDescriptor, Attribute, Type, int64_t wanted, int64_t* count, void* values);
  Status (*execute)(Handle, RawDescriptor plan, RawDescriptor variant_pack);
};

// Null where the library was not found, or lacks one of them.
const Functions* functions();

}  // namespace spikeship::device::cudnn
