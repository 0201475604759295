// Compiles a user's neuron: the kernels' own text (generated/neuron_program_text.h) around the text of the neuron.
#include "neuron_program.h"

#include <cstdlib>
#include <vector>

#include "../failure.h"
#include "../generated/neuron_program_text.h"
#include "library_search.h"
#include "program_cache.h"

namespace spikeship::device {
namespace {

// The compiler's interface (NVRTC documentation, "User Interface"): the part that is used. 0 is success.
struct Compiler {
  using Program = void*;
  int (*create)(Program* program, const char* source, const char* name, int headers, const char* const* texts, const char* const* names);
  int (*compile)(Program program, int options, const char* const* values);
  int (*log_size)(Program program, size_t* size);
  int (*log)(Program program, char* text);
  int (*code_size)(Program program, size_t* size);
  int (*code)(Program program, char* bytes);
  int (*ptx_size)(Program program, size_t* size);
  int (*ptx)(Program program, char* text);
  int (*destroy)(Program* program);
};

// nvrtcResult: the architecture in the options is one that this compiler does not know.
constexpr int invalid_option = 5;
// What every architecture since runs: the driver compiles it when it loads it.
constexpr const char* portable_architecture = "compute_80";

template <class Function>
void take(const OpenLibrary& library, const char* name, Function*& function) {
  if (!library.find(function, name)) throw Failure{"NATIVE", "compileNeuron", std::string("NVRTC with the function ") + name, library.file(), ""};
}

const Compiler& compiler() {
  static const Compiler functions = [] {
    const OpenLibrary& library = OpenLibrary::get(Library::nvrtc);
    if (!library.found()) {
      throw Failure{"NATIVE", "compileNeuron", "NVRTC, CUDA's run-time compiler", "none: looked for " + library.file(),
                    "Install the CUDA toolkit, or set SPIKESHIP_CUDA_PATH to the folder that holds libnvrtc.so."};
    }
    Compiler found;
    take(library, "nvrtcCreateProgram", found.create);
    take(library, "nvrtcCompileProgram", found.compile);
    take(library, "nvrtcGetProgramLogSize", found.log_size);
    take(library, "nvrtcGetProgramLog", found.log);
    take(library, "nvrtcGetCUBINSize", found.code_size);
    take(library, "nvrtcGetCUBIN", found.code);
    take(library, "nvrtcGetPTXSize", found.ptx_size);
    take(library, "nvrtcGetPTX", found.ptx);
    take(library, "nvrtcDestroyProgram", found.destroy);
    return found;
  }();
  return functions;
}

using Size = int (*)(Compiler::Program, size_t*);
using Text = int (*)(Compiler::Program, char*);

std::string read(Compiler::Program program, Size size, Text text) {
  size_t bytes = 0;
  if (size(program, &bytes) != 0 || bytes == 0) return "";
  std::string all(bytes, '\0');
  if (text(program, all.data()) != 0) return "";
  return all;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end = text.find('\n'); end != std::string::npos; begin = end + 1, end = text.find('\n', begin)) {
    lines.push_back(text.substr(begin, end - begin));
  }
  lines.push_back(text.substr(begin));
  return lines;
}

// "LIF2(7): error: ..." is about line 7 of the neuron's text: its messages, each with that line. Empty where there are none.
std::string complaints(const std::string& log, const std::string& name, const std::string& text) {
  const std::vector<std::string> source = lines_of(text);
  std::string found;
  for (const std::string& line : lines_of(log)) {
    if (line.find("error") == std::string::npos || line.compare(0, name.size() + 1, name + "(") != 0) continue;
    const size_t number = static_cast<size_t>(std::strtoul(line.c_str() + name.size() + 1, nullptr, 10));
    const size_t message = line.find("error");
    found += (found.empty() ? "" : "; ") + line.substr(message);
    if (number >= 1 && number <= source.size()) {
      const std::string& code = source[number - 1];
      const size_t start = code.find_first_not_of(' ');
      found += " in `" + (start == std::string::npos ? "" : code.substr(start)) + "`";
    }
  }
  return found;
}

[[noreturn]] void refuse(const std::string& log, const std::string& name, const std::string& text) {
  const std::string found = complaints(log, name, text);
  if (found.empty()) throw Failure{"NATIVE", "neuron " + name, "NVRTC to compile it", log.substr(0, log.find('\0')), ""};
  throw Failure{"OPTION", "neuron " + name, "a definition that compiles", found, "Between backticks: the line that the definition became."};
}

std::string source_of(const std::string& name, const std::string& text) {
  return std::string(neuron_program_head) + "#line 1 \"" + name + "\"\n" + text + "\n#line 1 \"spikeship\"\n" + neuron_program_tail;
}

// Empty: the compiler does not know the architecture.
std::string compiled(const std::string& name, const std::string& text, const std::vector<std::string>& options, bool portable) {
  const Compiler& nvrtc = compiler();
  const std::string source = source_of(name, text);
  Compiler::Program program = nullptr;
  if (nvrtc.create(&program, source.c_str(), "spikeship", neuron_program_headers, neuron_program_texts, neuron_program_names) != 0) {
    throw Failure{"NATIVE", "compileNeuron", "NVRTC to take the program", "a refusal", ""};
  }
  std::vector<const char*> values;
  for (const std::string& option : options) values.push_back(option.c_str());
  const int result = nvrtc.compile(program, static_cast<int>(values.size()), values.data());
  const std::string log = read(program, nvrtc.log_size, nvrtc.log);
  std::string code;
  if (result == 0) code = portable ? read(program, nvrtc.ptx_size, nvrtc.ptx) : read(program, nvrtc.code_size, nvrtc.code);
  nvrtc.destroy(&program);
  if (result == invalid_option && !portable) return "";
  if (result != 0 || code.empty()) refuse(log, name, text);
  return code;
}

std::vector<std::string> options_for(const std::string& architecture) {
  // -fmad=false for the same reason as in CMakeLists.txt: a fused multiply-add changes spikes.
  return {"--gpu-architecture=" + architecture, "--std=c++20", "--fmad=false", "--device-as-default-execution-space", "-w"};
}

}  // namespace

NeuronProgram neuron_program(const std::string& name, const std::string& text, const std::string& architecture) {
  compiler();
  const std::vector<std::string> options = options_for(architecture);
  std::string key = OpenLibrary::get(Library::nvrtc).version() + '\0' + source_of(name, text);
  for (const std::string& option : options) key += '\0' + option;
  for (int i = 0; i < neuron_program_headers; i++) key += '\0' + std::string(neuron_program_texts[i]);
  const ProgramCache cache(key);
  if (std::string code = cache.read(); !code.empty()) return {std::move(code), true};
  std::string code = compiled(name, text, options, false);
  if (code.empty()) code = compiled(name, text, options_for(portable_architecture), true);
  cache.write(code);
  return {std::move(code), false};
}

}  // namespace spikeship::device
