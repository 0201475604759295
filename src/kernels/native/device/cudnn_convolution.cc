// Convolutions in cuDNN's graph API. (https://docs.nvidia.com/deeplearning/cudnn/backend/latest/api/cudnn-graph-library.html)
#include "cudnn_convolution.h"

#include <algorithm>
#include <optional>

namespace spikeship::device::cudnn {
namespace {

// What a plan may ask for; the fastest algorithms for large images ask for more than they gain.
constexpr int64_t most_workspace = int64_t{1} << 30;

using Sizes = std::vector<int64_t>;

// One and two spatial axes are two to cuDNN, whose kernels know two or three.
size_t first_axis(const ConvSpec& spec) { return spec.axes == 3 ? 0 : 1; }

Sizes spatial(const ConvSpec& spec, const size_t* sizes) { return Sizes(sizes + first_axis(spec), sizes + 3); }

// A tensor of sizes [first, channels, spatial...] that lies in memory as [first, spatial..., channels].
Descriptor channels_last(int64_t id, int type, int64_t first, int64_t channels, const Sizes& spatial) {
  Sizes sizes{first, channels};
  sizes.insert(sizes.end(), spatial.begin(), spatial.end());
  Sizes strides(sizes.size());
  strides[1] = 1;
  int64_t step = channels;
  for (size_t axis = sizes.size(); axis-- > 2;) {
    strides[axis] = step;
    step *= sizes[axis];
  }
  strides[0] = step;
  Descriptor tensor(Kind::tensor);
  tensor.set(Attribute::tensor_id, id);
  tensor.set(Attribute::tensor_type, Type::data_type, &type);
  tensor.set(Attribute::tensor_alignment, alignment);
  tensor.set(Attribute::tensor_sizes, sizes);
  tensor.set(Attribute::tensor_strides, strides);
  tensor.finalize();
  return tensor;
}

Descriptor geometry_of(const ConvSpec& spec) {
  Sizes after;
  for (size_t axis = first_axis(spec); axis < 3; axis++) {
    after.push_back(spec.padding_after(axis));
    if (after.back() < 0) throw Refused{success};
  }
  Descriptor convolution(Kind::convolution);
  convolution.set(Attribute::convolution_compute_type, Type::data_type, &float32);
  convolution.set(Attribute::convolution_mode, Type::convolution_mode, &cross_correlation);
  convolution.set(Attribute::convolution_axes, static_cast<int64_t>(after.size()));
  convolution.set(Attribute::convolution_strides, spatial(spec, spec.stride));
  convolution.set(Attribute::convolution_dilations, spatial(spec, spec.dilation));
  convolution.set(Attribute::convolution_padding_before, spatial(spec, spec.padding));
  convolution.set(Attribute::convolution_padding_after, after);
  convolution.finalize();
  return convolution;
}

struct OperationNames {
  Kind kind;
  Attribute alpha, beta, convolution, weights, x, y;
};

OperationNames names_of(Direction direction) {
  using A = Attribute;
  switch (direction) {
    case Direction::forward:
      return {Kind::forward, A::forward_alpha, A::forward_beta, A::forward_convolution, A::forward_weights, A::forward_x, A::forward_y};
    case Direction::backward_data:
      return {Kind::backward_data, A::data_alpha, A::data_beta, A::data_convolution, A::data_weights, A::data_grad_x, A::data_grad_y};
    case Direction::backward_weights: break;
  }
  return {Kind::backward_weights, A::weights_alpha, A::weights_beta, A::weights_convolution, A::weights_grad, A::weights_x, A::weights_grad_y};
}

// Engines whose sums differ in more than their order, or from run to run.
bool refused(Note note, Precision precision, bool tf32) {
  if (note == Note::tensor_core) return precision == Precision::float32 && !tf32;
  return note <= Note::winograd_13x13;
}

bool acceptable(const Descriptor& choice, Precision precision, bool tf32) {
  Descriptor engine(Kind::engine);
  RawDescriptor raw = engine.raw();
  choice.get(Attribute::choice_engine, Type::descriptor, &raw, 1);
  Note notes[32];
  const int64_t count = engine.get(Attribute::engine_numerical_notes, Type::numerical_note, notes, 32);
  return std::none_of(notes, notes + count, [&](Note note) { return refused(note, precision, tf32); });
}

// Choices of an engine for a graph, best first; none where cuDNN has no suggestion.
std::vector<Descriptor> choices(const Descriptor& graph, int mode) try {
  constexpr int64_t most = 64;
  Descriptor heuristic(Kind::engine_heuristic);
  heuristic.set(Attribute::heuristic_graph, graph);
  heuristic.set(Attribute::heuristic_mode, Type::heuristic_mode, &mode);
  heuristic.finalize();
  std::vector<Descriptor> found;
  std::vector<RawDescriptor> raw;
  for (int64_t i = 0; i < most; i++) {
    found.emplace_back(Kind::engine_choice);
    raw.push_back(found.back().raw());
  }
  const int64_t count = heuristic.get(Attribute::heuristic_results, Type::descriptor, raw.data(), most);
  found.erase(found.begin() + count, found.end());
  return found;
} catch (const Refused&) {
  return {};
}

struct ExecutionPlan {
  Descriptor plan;
  size_t workspace;
};

// Nothing where the engine cannot do this after all, asks for too much memory, or is not to be used.
std::optional<ExecutionPlan> plan_of(Handle handle, const Descriptor& choice, Precision precision, bool tf32) {
  try {
    if (!acceptable(choice, precision, tf32)) return std::nullopt;
    Descriptor plan(Kind::plan);
    plan.set(Attribute::plan_handle, Type::handle, &handle);
    plan.set(Attribute::plan_choice, choice);
    plan.finalize();
    int64_t workspace = 0;
    plan.get(Attribute::plan_workspace, Type::int64, &workspace, 1);
    if (workspace > most_workspace) return std::nullopt;
    return ExecutionPlan{std::move(plan), static_cast<size_t>(workspace)};
  } catch (const Refused&) {
    return std::nullopt;
  }
}

}  // namespace

namespace {

int type_of(Precision precision) {
  if (precision == Precision::bfloat16) return bfloat16;
  return precision == Precision::float16 ? float16 : float32;
}

int type_of(ActivationType type) {
  if (type == ActivationType::bfloat16) return bfloat16;
  return type == ActivationType::float16 ? float16 : float32;
}

}  // namespace

std::shared_ptr<const Operation> convolution(Direction direction, const ConvSpec& spec, Precision precision, ActivationType result) {
  const int factors = type_of(precision), written = type_of(result);
  const auto type_of = [&](Direction writer) { return direction == writer ? written : factors; };
  const auto batch = static_cast<int64_t>(spec.batch), in = static_cast<int64_t>(spec.in_channels);
  const auto out = static_cast<int64_t>(spec.out_channels), groups = static_cast<int64_t>(spec.groups);
  const OperationNames names = names_of(direction);
  Operation made{channels_last(id_x, type_of(Direction::backward_data), batch, in, spatial(spec, spec.input)),
                 channels_last(id_weights, type_of(Direction::backward_weights), out, in / groups, spatial(spec, spec.kernel)),
                 channels_last(id_y, type_of(Direction::forward), batch, out, spatial(spec, spec.output)), geometry_of(spec),
                 Descriptor(names.kind)};
  const float alpha = 1.0f, beta = 0.0f;
  Descriptor& operation = made.operation;
  operation.set(names.convolution, made.geometry);
  operation.set(names.x, made.x);
  operation.set(names.weights, made.weights);
  operation.set(names.y, made.y);
  operation.set(names.alpha, Type::float32, &alpha);
  operation.set(names.beta, Type::float32, &beta);
  operation.finalize();
  return std::make_shared<const Operation>(std::move(made));
}

std::vector<Plan> plans(Handle handle, std::shared_ptr<const Operation> operation, Precision precision, bool tf32, size_t most) {
  Descriptor whole(Kind::graph);
  whole.set(Attribute::graph_handle, Type::handle, &handle);
  whole.set(Attribute::graph_operations, operation->operation);
  whole.finalize();
  const auto graph = std::make_shared<const Descriptor>(std::move(whole));
  std::vector<Plan> found;
  // The second list is asked where the first, which knows what is fast, holds nothing that may be used.
  for (const int mode : {heuristic_best, heuristic_fallback}) {
    for (Descriptor& choice : choices(*graph, mode)) {
      auto made = plan_of(handle, choice, precision, tf32);
      if (made) found.push_back({operation, graph, std::move(choice), std::move(made->plan), made->workspace});
      if (found.size() == most) return found;
    }
    if (!found.empty()) return found;
  }
  return found;
}

Status execute(Handle handle, const Plan& plan, const void* x, const void* weights, const void* y, void* workspace) {
  const int64_t ids[] = {id_x, id_weights, id_y};
  const void* const pointers[] = {x, weights, y};
  try {
    Descriptor pack(Kind::variant_pack);
    pack.set(Attribute::pack_ids, Type::int64, ids, 3);
    pack.set(Attribute::pack_pointers, Type::pointer, pointers, 3);
    pack.set(Attribute::pack_workspace, Type::pointer, &workspace);
    pack.finalize();
    return functions()->execute(handle, plan.plan.raw(), pack.raw());
  } catch (const Refused& refused) {
    return refused.status;
  }
}

}  // namespace spikeship::device::cudnn
