// oneDNN operations: made once for each specification, kept, and run on the buffers of the moment.
#pragma once

#include <dnnl.hpp>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <unordered_map>
#include <vector>

#include "arguments.h"
#include "buffers.h"

namespace spikeship {

// One primitive with its memory objects (their pointers are set for each run). Weights that the library wants in an order of its
// own are reordered into the workspace before (`reorder_in`) or out of it after the primitive ran.
struct DenseOperation {
  dnnl::primitive primitive;
  std::unordered_map<int, dnnl::memory> arguments;
  std::optional<dnnl::reorder> reorder;
  bool reorder_in = true;
  int reordered_argument = 0;
  dnnl::memory plain_weights;

  void add(int argument, const dnnl::memory::desc& desc, const dnnl::engine& engine);
  // Adds the weights (or their gradient): a reorder is made unless both orders are the same.
  void add_weights(int argument, const dnnl::memory::desc& own, const dnnl::memory::desc& plain, bool in,
                   const dnnl::engine& engine);
  void set(int argument, void* data);
};

class Dense {
 public:
  explicit Dense(Allocator& allocator);
  Precision precision = Precision::float32;
  // The element type of factors.
  dnnl::memory::data_type factor_type() const;
  // Bytes of one element of a factor.
  size_t factor_bytes() const { return precision == Precision::bfloat16 ? 2 : 4; }
  // A factor as the library is to read it: the floats themselves, or their rounding in memory of ours that is valid until the next
  // call with the same place (0 or 1).
  void* factor(size_t place, float* values, size_t count);
  // Weights for an operation that orders them itself, and on the way makes bfloat16 of floats: as they are, except that float16, which the
  // library does not have on every machine, is float16 numbers in floats.
  float* weights(float* values, size_t count);
  // What identifies an operation: a number for its kind, then its sizes and flags.
  using Key = std::vector<int64_t>;
  // The operation of this key for the current number of threads; `make` is called the first time.
  DenseOperation& find(Key key, const std::function<DenseOperation(const dnnl::engine&)>& make);
  void run(DenseOperation& operation);
  // Copies weights from the operation's order to the plain one.
  void reorder_out(DenseOperation& operation, float* from, float* to, size_t count);
  // Gives up memory that is only kept for speed.
  void release_workspace();
  size_t workspace_bytes() const {
    return scratchpad_.capacity() + weights_.capacity() + factors_[0].capacity() + factors_[1].capacity();
  }

 private:
  using Entry = std::pair<Key, DenseOperation>;
  static constexpr size_t most_operations = 512;

  dnnl::engine engine_;
  dnnl::stream stream_;
  Workspace scratchpad_;
  Workspace weights_;
  Workspace factors_[2];
  std::list<Entry> recent_;  // most recently used first
  std::map<Key, std::list<Entry>::iterator> index_;
};

// Attributes that every operation has: its scratch memory comes from us.
dnnl::primitive_attr dense_attributes();

}  // namespace spikeship
