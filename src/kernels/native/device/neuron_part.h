// The variants of one part of the generated list, compiled. The including file defines SPIKESHIP_NEURON_PART.
#include "neuron_launch.h"
#include "neuron_rows.h"
#include "neuron_table.h"

namespace spikeship::device {
namespace {

#include "../neuron_scan_words.h"
// Every neuron's step has the same arguments; few neurons need them all.
#if defined(__CUDACC__)
#pragma nv_diagnostic push
#pragma nv_diag_suppress 177
#endif
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#include "../generated/neurons.h"
#pragma GCC diagnostic pop
#if defined(__CUDACC__)
#pragma nv_diagnostic pop
#endif
#include "../neuron_edge_words.h"
#include "neuron_edge.h"
#include "neuron_forward.h"
#include "neuron_surrogates.h"
#include "neuron_backward.h"

// Stands for the backward pass of readings that only run forward.
struct NoBackward {};

template <class Forward>
void launch_forward(const NeuronEntry&, const ForwardArguments& arguments, size_t blocks) {
  launch_neuron<forward_threads>(blocks, forward_threads, 0, ForwardScan<Forward>{arguments}, "neuronForward");
}

template <class Forward, class Backward>
void launch_backward(const NeuronEntry&, const BackwardArguments& arguments, size_t blocks, unsigned threads, size_t bytes) {
  launch_neuron<backward_threads>(blocks, threads, bytes, BackwardScan<Forward, Backward>{arguments}, "neuronBackward");
}

template <class Forward, class Backward>
constexpr NeuronFacts facts_of() {
  NeuronFacts facts{Forward::parameters, Forward::states, Forward::stored, scan_width<Forward>, Forward::fires,
                    false, false, 0, 0, nullptr, 0, 0};
  if constexpr (!__is_same(Backward, NoBackward)) {
    using Scan = BackwardScan<Forward, Backward>;
    facts.has_backward = true;
    facts.reads_x = Backward::reads_x;
    facts.reads_stored = Backward::reads_stored;
    facts.learned = Backward::learned;
    facts.learned_index = Backward::learned_index;
    facts.fixed_bytes = Scan::fixed_bytes(1);
    facts.step_bytes = Scan::step_bytes(1);
  }
  return facts;
}

template <bool mine, class Forward, class Backward>
constexpr NeuronEntry entry_of(const char* name) {
  NeuronEntry entry{name, facts_of<Forward, Backward>(), nullptr, nullptr};
  if constexpr (mine) {
    entry.forward = launch_forward<Forward>;
    if constexpr (!__is_same(Backward, NoBackward)) entry.backward = launch_backward<Forward, Backward>;
  }
  return entry;
}

#define SPIKESHIP_ROW(name, Forward, Backward) +1
constexpr int rows = 0 SPIKESHIP_NEURONS(SPIKESHIP_ROW);
#undef SPIKESHIP_ROW

// Neighbours in the list share their forward pass, so a part is a stretch of the list.
constexpr bool is_mine(int row) { return row * neuron_parts / rows == SPIKESHIP_NEURON_PART; }

constexpr int first_row = __COUNTER__ + 1;
#define SPIKESHIP_ROW(name, Forward, Backward) entry_of<is_mine(__COUNTER__ - first_row), Forward, Backward>(name),
constexpr NeuronEntry entries[] = {SPIKESHIP_NEURONS(SPIKESHIP_ROW)};
#undef SPIKESHIP_ROW

}  // namespace

template <>
NeuronPart neuron_part<SPIKESHIP_NEURON_PART>() {
  return {entries, rows};
}

}  // namespace spikeship::device
