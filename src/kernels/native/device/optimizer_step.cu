// The optimizer's step over all parameters in a few launches, decided on the device: the host neither reads gradients nor waits, and the
// calls may stand in a recorded step. What differs from step to step is in the control. Sums of squares have the CPU's order (chunks of
// `square_chunk` elements, `square_lanes` sums in each), so the clipping factor has the CPU's bits.
#define SPIKESHIP_ISA_NAMESPACE device
#include "device_words.h"

#include "../optimizer_ops.h"
#include "device_runtime.h"
#include "kernels.h"
#include "quads.h"

namespace spikeship::device {
namespace {

// Parameters that travel by value with one launch, whose arguments have 4 KB.
constexpr unsigned most_parameters = 48;
constexpr unsigned decide_threads = 64;
constexpr unsigned update_threads = 256;
// Elements that one block updates.
constexpr size_t update_chunk = 4096;

// `wide`: all its arrays begin where four numbers may be read at once.
struct Placed : StepParameter {
  bool wide;
};

struct Group {
  Placed at[most_parameters];
  unsigned count;
  // of the first of them among all
  size_t first;
};

struct Scalars {
  SgdScalars sgd;
  AdamScalars adam;
};

// Intermediate values, for all parameters: chunks lie one after another in their order.
struct Work {
  StepDecision* decision;
  Scalars* scalars;
  double* squares;
  uint32_t* finite;
  double* chunk_squares;
  uint32_t* chunk_finite;
};

// At least one: a parameter without elements has steps, too.
NEURON_WORD size_t chunks_of(size_t count, size_t chunk) { return count == 0 ? 1 : (count + chunk - 1) / chunk; }

// Which parameter of a group a block works on, and which of its chunks.
struct Place {
  unsigned parameter;
  size_t chunk;
};

DEVICE_CODE Place place_of(const Group& group, size_t block, size_t chunk) {
  unsigned parameter = 0;
  for (; block >= chunks_of(group.at[parameter].count, chunk); parameter++) block -= chunks_of(group.at[parameter].count, chunk);
  return {parameter, block};
}

// Sum of squares of one chunk, and whether all of it is finite.
struct Measure {
  struct Shared {
    double squares[square_lanes];
    uint32_t finite[square_lanes];
  };
  Group group;
  StepRules rules;
  const StepControl* control;
  double* squares;
  uint32_t* finite;

  template <class Block>
  DEVICE_CODE void operator()(const Block& block) const {
    const Place place = place_of(group, block.index, square_chunk);
    const size_t first = place.chunk * square_chunk, count = group.at[place.parameter].count;
    const size_t size = count - first < square_chunk ? count - first : square_chunk;
    const size_t whole = size / square_lanes * square_lanes;
    const float* grad = group.at[place.parameter].grad + first;
    const float factor = unscaling(rules, *control);
    block.each([&](unsigned lane) {
      double sum = 0;
      bool all = true;
#if defined(__CUDACC__)
#pragma unroll 8
#endif
      for (size_t i = lane; i < whole; i += square_lanes) {
        const double value = static_cast<double>(grad[i] * factor);
        sum += value * value;
        all = all & finite_number(grad[i]);
      }
      if (whole + lane < size) all = all & finite_number(grad[whole + lane]);
      block.shared.squares[lane] = sum;
      block.shared.finite[lane] = all;
    });
    block.each([&](unsigned lane) {
      if (lane != 0) return;
      double sum = 0;
      uint32_t all = 1;
      for (size_t i = 0; i < square_lanes; i++) {
        sum += block.shared.squares[i];
        all &= block.shared.finite[i];
      }
      for (size_t i = whole; i < size; i++) {
        const double value = static_cast<double>(grad[i] * factor);
        sum += value * value;
      }
      squares[block.index] = sum;
      finite[block.index] = all;
    });
  }
};

// Of each parameter of a group: its sum and its scalars. The last group then decides for all.
struct Decide {
  struct Shared {};
  Group group;
  StepRules rules;
  Work work;
  StepControl* control;
  const float* loss;
  // Where the group's chunks begin.
  size_t first_chunk;
  bool measured;
  // Of all groups; 0 while more groups follow.
  size_t parameters;

  DEVICE_CODE void gather(unsigned parameter) const {
    const size_t all = group.first + parameter;
    if (measured) {
      size_t chunk = first_chunk;
      for (unsigned before = 0; before < parameter; before++) chunk += chunks_of(group.at[before].count, square_chunk);
      const size_t end = chunk + chunks_of(group.at[parameter].count, square_chunk);
      double sum = 0;
      uint32_t finite = 1;
      for (; chunk < end; chunk++) {
        sum += work.chunk_squares[chunk];
        finite &= work.chunk_finite[chunk];
      }
      work.squares[all] = sum;
      work.finite[all] = finite;
    }
    const StepParameter& one = group.at[parameter];
    const double rate = control->learning_rate, step = step_counts(*control)[one.number] + 1.0;
    if (rules.kind == OptimizerKind::sgd) work.scalars[all].sgd = sgd_scalars(sgd_options(rules, one, rate, step));
    else work.scalars[all].adam = adam_scalars(adam_options(rules, one, rate, step));
  }

  template <class Block>
  DEVICE_CODE void operator()(const Block& block) const {
    block.each([&](unsigned thread) {
      if (thread < group.count) gather(thread);
    });
    block.each([&](unsigned thread) {
      if (thread != 0 || parameters == 0) return;
      double squares = 0;
      uint32_t finite = 1;
      for (size_t i = 0; measured && i < parameters; i++) {
        squares += work.squares[i];
        finite &= work.finite[i];
      }
      *work.decision = decide(rules, *control, squares, finite != 0, loss == nullptr ? 0.0f : *loss);
    });
  }
};

struct Update {
  struct Shared {};
  Group group;
  bool adam;
  const StepDecision* decision;
  const Scalars* scalars;
  StepControl* control;

  // `first` and `second` are read and changed where the parameter has them.
  DEVICE_CODE void element(const Scalars& s, bool momentum, float& param, float grad, float& first, float& second) const {
    if (adam) {
      const AdamState next = adam_element(s.adam, param, grad, first, second);
      param = next.param;
      first = next.mean;
      second = next.variance;
    } else if (momentum) {
      const SgdState next = sgd_momentum_element(s.sgd, param, grad, first);
      param = next.param;
      first = next.momentum;
    } else {
      param = sgd_element(s.sgd, param, grad);
    }
  }

  // `width` elements from `i` on, loaded and stored as one.
  template <unsigned width>
  DEVICE_CODE void elements(const StepParameter& p, const Scalars& s, const GradientChange& change, size_t i) const {
    Pack<float, width> param = load<width>(p.param + i), first{}, second{};
    const Pack<float, width> grad = load<width>(p.grad + i);
    if (p.first != nullptr) first = load<width>(p.first + i);
    if (p.second != nullptr) second = load<width>(p.second + i);
    for (unsigned k = 0; k < width; k++) {
      element(s, p.first != nullptr, param.at[k], changed(change, grad.at[k]), first.at[k], second.at[k]);
    }
    store(p.param + i, param);
    if (p.first != nullptr) store(p.first + i, first);
    if (p.second != nullptr) store(p.second + i, second);
  }

  template <class Block>
  DEVICE_CODE void operator()(const Block& block) const {
    if (!decision->taken) return;
    const Place place = place_of(group, block.index, update_chunk);
    const Placed& p = group.at[place.parameter];
    const size_t first = place.chunk * update_chunk;
    const size_t end = p.count - first < update_chunk ? p.count : first + update_chunk;
    const Scalars s = scalars[group.first + place.parameter];
    const GradientChange change = decision->change;
    block.each([&](unsigned thread) {
      if (thread == 0 && place.chunk == 0) step_counts(*control)[p.number] += 1.0;
      if (p.wide) {
        for (size_t i = first + 4 * thread; i + 4 <= end; i += 4 * update_threads) elements<4>(p, s, change, i);
        const size_t rest = first + (end - first) / 4 * 4;
        if (rest + thread < end) elements<1>(p, s, change, rest + thread);
      } else {
        for (size_t i = first + thread; i < end; i += update_threads) elements<1>(p, s, change, i);
      }
    });
  }
};

std::vector<Group> in_groups(const std::vector<StepParameter>& parameters) {
  std::vector<Group> groups;
  for (size_t i = 0; i < parameters.size(); i++) {
    if (i % most_parameters == 0) {
      groups.emplace_back();
      groups.back().first = i;
    }
    Group& group = groups.back();
    const StepParameter& p = parameters[i];
    bool wide = true;
    for (const void* array : {static_cast<const void*>(p.param), static_cast<const void*>(p.grad), static_cast<const void*>(p.first),
                              static_cast<const void*>(p.second)}) {
      wide = wide && aligned_to(16, array);
    }
    group.at[group.count++] = {p, wide};
  }
  return groups;
}

size_t chunks_in(const Group& group, size_t chunk) {
  size_t chunks = 0;
  for (unsigned i = 0; i < group.count; i++) chunks += chunks_of(group.at[i].count, chunk);
  return chunks;
}

}  // namespace

void optimizer_step(const OptimizerStepCall& call) {
  static_assert(sizeof(Decide) <= 4096 && sizeof(Measure) <= 4096 && sizeof(Update) <= 4096);
  const std::vector<Group> groups = in_groups(call.parameters);
  const size_t parameters = call.parameters.size();
  const bool measured = call.rules.clip == Clip::norm || call.rules.scaled;
  size_t chunks = 0;
  for (const Group& group : groups) chunks += measured ? chunks_in(group, square_chunk) : 0;
  // All memory before the first launch: a device without room then has changed nothing.
  const Scratch doubles((parameters + chunks) * sizeof(double)), flags((parameters + chunks) * sizeof(uint32_t));
  const Scratch scalars(parameters * sizeof(Scalars)), decision(sizeof(StepDecision));
  const Work work{decision.as<StepDecision>(), scalars.as<Scalars>(), doubles.as<double>(), flags.as<uint32_t>(),
                  doubles.as<double>() + parameters, flags.as<uint32_t>() + parameters};
  size_t chunk = 0;
  for (const Group& group : groups) {
    const size_t here = measured ? chunks_in(group, square_chunk) : 0;
    const Measure measure{group, call.rules, call.control, work.chunk_squares + chunk, work.chunk_finite + chunk};
    for_blocks(here, square_lanes, measure, "optimizerStep");
    const bool last = group.first + group.count == parameters;
    const Decide decide{group, call.rules, work, call.control, call.loss, chunk, measured, last ? parameters : 0};
    for_blocks(1, decide_threads, decide, "optimizerStep");
    chunk += here;
  }
  const bool adam = call.rules.kind == OptimizerKind::adam;
  for (const Group& group : groups) {
    const Update update{group, adam, work.decision, work.scalars, call.control};
    for_blocks(chunks_in(group, update_chunk), update_threads, update, "optimizerStep");
  }
}

}  // namespace spikeship::device
