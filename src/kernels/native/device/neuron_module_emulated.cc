// Users' neurons on the emulated device: they are compiled, so that their errors are found, but machine code for a GPU cannot run here.
#include <set>

#include "../failure.h"
#include "kernels.h"
#include "neuron_program.h"
#include "neuron_table.h"

namespace spikeship::device {
namespace {

std::set<std::string> compiled;

}  // namespace

bool compile_neuron(const std::string& name, const std::string& text) {
  const bool cached = neuron_program(name, text, "sm_80").cached;
  compiled.insert(name);
  return cached;
}

const NeuronEntry* user_neuron(const std::string& name) {
  if (compiled.count(name) == 0) return nullptr;
  throw Failure{"STATE", "neuron " + name, "a GPU, which neurons that are compiled at run time need", "the emulated device", ""};
}

}  // namespace spikeship::device
