// Builds the error of a neuron call that does not fit its variant.
#include "neuron_refusal.h"

#include <string>

#include "failure.h"

namespace spikeship {

void refuse_neuron_call(const char* expected, const char* got) {
  throw Failure{"NATIVE", "neuron scan", expected, got, "Was the core built from the same sources? Run npm run setup."};
}

void expect_neuron_count(const char* what, size_t expected, size_t got) {
  if (expected == got) return;
  const std::string wanted = std::to_string(expected) + " " + what;
  refuse_neuron_call(wanted.c_str(), std::to_string(got).c_str());
}

}  // namespace spikeship
