// Neurons that users define: their generated text, compiled at run time by NVRTC into kernels for one architecture, and kept on disk.
#pragma once

#include <string>

namespace spikeship::device {

struct NeuronProgram {
  // Machine code, or PTX where NVRTC does not know the architecture yet.
  std::string code;
  // true: it was on disk already.
  bool cached;
};

// Compiles the text of one variant: `struct Forward` and `struct Backward` as src/model/neurons prints them. `name` stands in messages in
// the place of a file's name. Throws a Failure that shows the compiler's words beside the lines of the text that they speak of.
NeuronProgram neuron_program(const std::string& name, const std::string& text, const std::string& architecture);

}  // namespace spikeship::device
