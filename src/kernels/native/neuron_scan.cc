// The scan of a neuron over time, generic over the generated neurons; compiled once for each instruction set. It holds
// no equation: the step and its derivative come from `generated/neurons.h`, and this file decides order, memory and
// threads.
//
// Elements are independent, so they are cut into blocks; a block's states stay in the cache while all steps run over
// it. Blocks do not depend on the number of threads, nor do the sums over parameters, which are added in block order.
#include "neuron_scan.h"

#include <cstdint>
#include <cstring>

#include "neuron_refusal.h"
#include "neuron_scan_memory.h"
#include "parallel.h"

#define NEURON_WORD inline __attribute__((always_inline))
#define NEURON_CONSTRUCTOR NEURON_WORD
// The rows of a block never overlap.
#define SPIKESHIP_ROW_LOOP _Pragma("GCC ivdep")

namespace spikeship::SPIKESHIP_ISA_NAMESPACE {
namespace {

#include "neuron_scan_words.h"
#include "neuron_edge_words.h"
// Every neuron's step has the same arguments; few neurons need them all.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "generated/neurons.h"
#pragma GCC diagnostic pop

// Elements of a block. Rows of 16 KiB are long enough for the processor's prefetching (a fifth faster than 4 KiB on 32
// MiB tensors), and a block of two double states with the rows around it still lies in a second-level cache.
constexpr size_t block_size = 4096;

// Elements that the loops over one row take at a time: they stay in the first-level cache from one loop to the next.
constexpr size_t piece_size = 512;

// How far ahead the inputs of backward are asked for.
constexpr size_t pieces_ahead = 2;

constexpr size_t piece_of(size_t size, size_t first) { return size - first < piece_size ? size - first : piece_size; }

struct Block {
  size_t first, size;
};

constexpr size_t block_count(size_t elements, size_t size) { return (elements + size - 1) / size; }

template <class Work>
void for_each_block(size_t elements, size_t steps, size_t size, Work work) {
  const size_t blocks = block_count(elements, size);
#pragma omp parallel for schedule(static) if (elements * steps >= parallel_from)
  for (size_t b = 0; b < blocks; b++) {
    const size_t first = b * size;
    work(Block{first, elements - first < size ? elements - first : size}, b);
  }
}

template <class Neuron>
void load_row(const Neuron& neuron, const float* from, typename Neuron::Register* to, size_t n) {
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) to[i] = from_edge(neuron, from[i]);
}

template <class Neuron>
void store_row(const Neuron& neuron, const typename Neuron::Register* from, float* to, size_t n) {
  SPIKESHIP_ROW_LOOP
  for (size_t i = 0; i < n; i++) to[i] = to_edge(neuron, from[i]);
}

// A state before step 0: a row of its buffer, or one number for all elements.
template <class Neuron>
void initial_row(const Neuron& neuron, const float* states, double value, Block block, typename Neuron::Register* to) {
  if (states) return load_row(neuron, states + block.first, to, block.size);
  const typename Neuron::Register constant = from_edge(neuron, static_cast<float>(value));
  for (size_t i = 0; i < block.size; i++) to[i] = constant;
}

// Where the input's row of step t begins.
template <class Call>
const float* input_row(const Call& call, size_t t, Block block) {
  return call.x + (call.repeated_input ? 0 : t * call.elements) + block.first;
}

#include "neuron_scan_input.h"
#include "neuron_scan_forward.h"
#include "neuron_scan_backward_rows.h"
#include "neuron_scan_backward.h"

// Stands for the backward pass of readings that only run forward.
struct NoBackward {};

struct Entry {
  const char* name;
  void (*forward)(const NeuronForwardCall&);
  void (*backward)(const NeuronBackwardCall&, SurrogateRow);
};

template <class Forward, class Backward>
constexpr auto backward_of() -> void (*)(const NeuronBackwardCall&, SurrogateRow) {
  if constexpr (__is_same(Backward, NoBackward)) return nullptr;
  else return backward_scan<Forward, Backward>;
}

struct SurrogateEntry {
  const char* name;
  SurrogateRow row;
  size_t parameters;
};

#define SPIKESHIP_ENTRY(name, Forward, Backward) {name, forward_scan<Forward>, backward_of<Forward, Backward>()},
#define SPIKESHIP_SURROGATE_ENTRY(name, Function, parameters) {name, surrogate_row<Function>, parameters},
constexpr Entry neurons[] = {SPIKESHIP_NEURONS(SPIKESHIP_ENTRY)};
constexpr SurrogateEntry surrogates[] = {SPIKESHIP_SURROGATES(SPIKESHIP_SURROGATE_ENTRY)};

const Entry& find_neuron(const char* name) {
  for (const Entry& entry : neurons) {
    if (std::strcmp(entry.name, name) == 0) return entry;
  }
  refuse_neuron_call("a known neuron variant", name);
}

SurrogateRow find_surrogate(const char* name, size_t parameters) {
  for (const SurrogateEntry& entry : surrogates) {
    if (std::strcmp(entry.name, name) != 0) continue;
    expect_neuron_count("surrogate parameters", entry.parameters, parameters);
    return entry.row;
  }
  refuse_neuron_call("a known surrogate function", name);
}

}  // namespace

void neuron_forward(const NeuronForwardCall& call) {
  if (call.type != ActivationType::float32 || call.spike_bits) refuse_neuron_call("float32 sequences on the CPU", "another type, or bits");
  find_neuron(call.variant.c_str()).forward(call);
}

void neuron_backward(const NeuronBackwardCall& call) {
  if (call.type != ActivationType::float32) refuse_neuron_call("float32 sequences on the CPU", "another type");
  const auto backward = find_neuron(call.variant.c_str()).backward;
  if (!backward) refuse_neuron_call("a variant with a backward pass", call.variant.c_str());
  // An integrator has no spike and needs no surrogate.
  const bool named = call.surrogate.c_str()[0] != '\0';
  backward(call, named ? find_surrogate(call.surrogate.c_str(), call.surrogate_params.size()) : nullptr);
}

void surrogate_grad(const std::string& surrogate, const std::vector<double>& params, const float* x, float* out,
                    size_t n) {
  const SurrogateRow row = find_surrogate(surrogate.c_str(), params.size());
  const double* numbers = params.data();
  for_each_block(n, 1, block_size, [=](Block block, size_t) { row(numbers, x + block.first, out + block.first, block.size); });
}

}  // namespace spikeship::SPIKESHIP_ISA_NAMESPACE
