// The cache of oneDNN operations and how one is run.
#include "dense.h"

#include <omp.h>

#include <algorithm>

#include "elementwise_kernels.h"

namespace spikeship {

void DenseOperation::add(int argument, const dnnl::memory::desc& desc, const dnnl::engine& engine) {
  if (desc.get_size() > 0) arguments.emplace(argument, dnnl::memory(desc, engine, DNNL_MEMORY_NONE));
}

void DenseOperation::add_weights(int argument, const dnnl::memory::desc& own, const dnnl::memory::desc& plain, bool in,
                                 const dnnl::engine& engine) {
  add(argument, own, engine);
  plain_weights = dnnl::memory(plain, engine, DNNL_MEMORY_NONE);
  reordered_argument = argument;
  reorder_in = in;
  if (own != plain) {
    const dnnl::memory& library = arguments.at(argument);
    reorder = in ? dnnl::reorder(plain_weights, library) : dnnl::reorder(library, plain_weights);
  }
}

void DenseOperation::set(int argument, void* data) {
  if (argument == reordered_argument && reorder) plain_weights.set_data_handle(data);
  else arguments.at(argument).set_data_handle(data);
}

dnnl::primitive_attr dense_attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

Dense::Dense(Allocator& allocator)
    : engine_(dnnl::engine::kind::cpu, 0), stream_(engine_), scratchpad_(allocator), weights_(allocator), factors_{Workspace(allocator), Workspace(allocator)} {}

dnnl::memory::data_type Dense::factor_type() const {
  return precision == Precision::bfloat16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
}

void* Dense::factor(size_t place, float* values, size_t count) {
  if (precision == Precision::float32) return values;
  if (precision == Precision::float16) {
    auto* rounded = static_cast<float*>(factors_[place].bytes(count * sizeof(float)));
    SPIKESHIP_ON_BEST_ISA(unary(UnaryOp::round_float16, values, rounded, count));
    return rounded;
  }
  auto* rounded = static_cast<uint16_t*>(factors_[place].bytes(count * sizeof(uint16_t)));
  SPIKESHIP_ON_BEST_ISA(to_bfloat16(values, rounded, count));
  return rounded;
}

float* Dense::weights(float* values, size_t count) {
  return precision == Precision::float16 ? static_cast<float*>(factor(1, values, count)) : values;
}

DenseOperation& Dense::find(Key key, const std::function<DenseOperation(const dnnl::engine&)>& make) {
  key.push_back(static_cast<int64_t>(precision));
  key.push_back(omp_get_max_threads());  // a primitive is planned for a number of threads
  if (const auto found = index_.find(key); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return recent_.front().second;
  }
  if (recent_.size() >= most_operations) {
    index_.erase(recent_.back().first);
    recent_.pop_back();
  }
  recent_.emplace_front(key, make(engine_));
  index_.emplace(std::move(key), recent_.begin());
  return recent_.front().second;
}

void Dense::run(DenseOperation& operation) {
  if (const auto scratchpad = operation.arguments.find(DNNL_ARG_SCRATCHPAD); scratchpad != operation.arguments.end()) {
    scratchpad->second.set_data_handle(scratchpad_.bytes(scratchpad->second.get_desc().get_size()));
  }
  if (operation.reorder) {
    dnnl::memory& library = operation.arguments.at(operation.reordered_argument);
    library.set_data_handle(weights_.bytes(library.get_desc().get_size()));
    if (operation.reorder_in) operation.reorder->execute(stream_, operation.plain_weights, library);
  }
  operation.primitive.execute(stream_, operation.arguments);
  if (operation.reorder && !operation.reorder_in) {
    operation.reorder->execute(stream_, operation.arguments.at(operation.reordered_argument), operation.plain_weights);
  }
  stream_.wait();
}

void Dense::reorder_out(DenseOperation& operation, float* from, float* to, size_t count) {
  if (!operation.reorder) {
    std::copy_n(from, count, to);
    return;
  }
  dnnl::memory& library = operation.arguments.at(operation.reordered_argument);
  library.set_data_handle(from);
  operation.plain_weights.set_data_handle(to);
  operation.reorder->execute(stream_, library, operation.plain_weights);
  stream_.wait();
}

void Dense::release_workspace() {
  scratchpad_.release();
  weights_.release();
  for (Workspace& factors : factors_) factors.release();
}

}  // namespace spikeship
