// Optimizer steps as JavaScript calls them. Rules of a whole step are compiled here in a namespace of their own (see isa.h).
#define SPIKESHIP_ISA_NAMESPACE whole_step
#include "optimizer_ops.h"

#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "optimizer_kernels.h"
#include "whole_reductions.h"

namespace spikeship::optimizers {

void sgd(Environment&, Buffer param, Buffer grad, OptionalBuffer momentum, size_t count, SgdOptions options) {
  SPIKESHIP_ON_DEVICE_OR_ISA(sgd_step(param.floats(count, "sgdStep param"), grad.floats(count, "sgdStep grad"),
                                 momentum.floats(count, "sgdStep momentum"), count, options, GradientChange{}));
}

void adam(Environment&, Buffer param, Buffer grad, Buffer mean, Buffer variance, size_t count, AdamOptions options) {
  SPIKESHIP_ON_DEVICE_OR_ISA(adam_step(param.floats(count, "adamStep param"), grad.floats(count, "adamStep grad"),
                                  mean.floats(count, "adamStep mean"), variance.floats(count, "adamStep variance"), count, options,
                                  GradientChange{}));
}

namespace {

// Throws SHAPE where a list or a buffer is too short.
OptimizerStepCall checked(const OptimizerStepArguments& given) {
  constexpr size_t row = 4;
  const size_t count = given.params.size();
  if (given.grads.size() != count || given.first.size() != count || given.second.size() != count || given.numbers.size() != row * count) {
    throw Failure{"SHAPE", "optimizerStep", "lists of one length", std::to_string(count) + " parameters", ""};
  }
  OptimizerStepCall call{given.rules, {}, nullptr, given.loss.floats(1, "optimizerStep loss")};
  const size_t known = given.control.bytes < sizeof(StepControl) ? 0 : (given.control.bytes - sizeof(StepControl)) / sizeof(double);
  call.control = reinterpret_cast<StepControl*>(given.control.as<char>(StepControl::bytes(0), "optimizerStep control"));
  call.parameters.reserve(count);
  for (size_t i = 0; i < count; i++) {
    const double* numbers = given.numbers.data() + row * i;
    const double elements = numbers[0], number = numbers[1];
    if (!(elements >= 0) || !(number >= 0) || !(number < static_cast<double>(known))) {
      throw Failure{"SHAPE", "optimizerStep", "a control with a number for each parameter", std::to_string(known) + " numbers", ""};
    }
    const auto size = static_cast<size_t>(elements);
    StepParameter parameter{given.params[i].floats(size, "optimizerStep params"), given.grads[i].floats(size, "optimizerStep grads"),
                            given.first[i].floats(size, "optimizerStep first"),   given.second[i].floats(size, "optimizerStep second"),
                            size, static_cast<size_t>(number), numbers[2], numbers[3]};
    const bool adam = given.rules.kind == OptimizerKind::adam;
    if ((adam && (parameter.first == nullptr || parameter.second == nullptr)) || (given.rules.momentum != 0 && parameter.first == nullptr)) {
      throw Failure{"SHAPE", "optimizerStep", "moments of each parameter", "none", ""};
    }
    call.parameters.push_back(parameter);
  }
  return call;
}

}  // namespace

void step(Environment& environment, OptimizerStepArguments arguments) {
  const OptimizerStepCall call = checked(arguments);
  if (const DeviceKernels* device = call_device()) return device->optimizer_step(call);
  const StepRules& rules = call.rules;
  StepControl& control = *call.control;
  bool finite = true;
  double squares = 0;
  for (const StepParameter& p : call.parameters) {
    if (rules.scaled) finite = finite && all_finite(environment, p.grad, p.count);
    if (rules.clip == Clip::norm) squares += squares_of(environment, p.grad, p.count, whole_step::unscaling(rules, control));
  }
  const double rate = control.learning_rate;
  const auto [taken, change] = whole_step::decide(rules, control, squares, finite, call.loss == nullptr ? 0.0f : *call.loss);
  if (!taken) return;
  for (const StepParameter& p : call.parameters) {
    const double count = whole_step::step_counts(control)[p.number] += 1.0;
    if (rules.kind == OptimizerKind::sgd) {
      SPIKESHIP_ON_BEST_ISA(sgd_step(p.param, p.grad, p.first, p.count, whole_step::sgd_options(rules, p, rate, count), change));
    } else {
      SPIKESHIP_ON_BEST_ISA(adam_step(p.param, p.grad, p.first, p.second, p.count, whole_step::adam_options(rules, p, rate, count), change));
    }
  }
}

}  // namespace spikeship::optimizers
