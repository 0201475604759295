// Users' neurons on a GPU: their compiled code is loaded and started through the driver's own interface, because code that comes at run
// time has no function in this library.
#include <dlfcn.h>

#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "../failure.h"
#include "device_runtime.h"
#include "device_words.h"
#include "kernels.h"
#include "neuron_program.h"
#include "neuron_sums.h"
#include "neuron_table.h"

namespace spikeship::device {
namespace {

// The driver's functions that are used (CUDA Driver API); 0 is success.
struct Driver {
  using Module = void*;
  using Function = void*;
  int (*load)(Module* module, const void* code);
  int (*function)(Function* function, Module module, const char* name);
  int (*global)(unsigned long long* address, size_t* bytes, Module module, const char* name);
  int (*set)(Function function, int attribute, int value);
  int (*launch)(Function function, unsigned x, unsigned y, unsigned z, unsigned threads_x, unsigned threads_y, unsigned threads_z,
                unsigned bytes, cudaStream_t stream, void** arguments, void** extra);
  int (*name)(int error, const char** name);
};

// CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
constexpr int most_shared_bytes = 8;

template <class Function>
void take(void* library, const char* name, Function*& function) {
  function = reinterpret_cast<Function*>(dlsym(library, name));
  if (function == nullptr) throw Failure{"NATIVE", "compileNeuron", std::string("a driver with the function ") + name, "none", ""};
}

const Driver& driver_functions() {
  static const Driver functions = [] {
    void* library = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (library == nullptr) throw Failure{"NATIVE", "compileNeuron", "NVIDIA's driver", "none", ""};
    Driver found;
    take(library, "cuModuleLoadData", found.load);
    take(library, "cuModuleGetFunction", found.function);
    take(library, "cuModuleGetGlobal_v2", found.global);
    take(library, "cuFuncSetAttribute", found.set);
    take(library, "cuLaunchKernel", found.launch);
    take(library, "cuGetErrorName", found.name);
    return found;
  }();
  return functions;
}

void expect_success(int error, const char* what) {
  if (error == 0) return;
  const char* name = nullptr;
  driver_functions().name(error, &name);
  throw Failure{"NATIVE", what, "the driver to do this", name == nullptr ? std::to_string(error) : name, ""};
}

struct UserNeuron : NeuronEntry {
  std::string own_name;
  int learned_index[most_parameters];
  Driver::Function forward_function, backward_function;
};

void launch(Driver::Function function, size_t blocks, unsigned threads, size_t bytes, const void* arguments, const char* what) {
  void* given[] = {const_cast<void*>(arguments)};
  expect_success(driver_functions().launch(function, static_cast<unsigned>(blocks), 1, 1, threads, 1, 1, static_cast<unsigned>(bytes),
                                           stream(), given, nullptr),
                 what);
}

void launch_forward(const NeuronEntry& neuron, const ForwardArguments& arguments, size_t blocks) {
  launch(static_cast<const UserNeuron&>(neuron).forward_function, blocks, forward_threads, 0, &arguments, "neuronForward");
}

void launch_backward(const NeuronEntry& neuron, const BackwardArguments& arguments, size_t blocks, unsigned threads, size_t bytes) {
  const auto function = static_cast<const UserNeuron&>(neuron).backward_function;
  // As in neuron_launch.h: all that there is, so that no call lowers it for a recorded one.
  expect_success(driver_functions().set(function, most_shared_bytes, static_cast<int>(most_block_bytes())), "neuronBackward");
  launch(function, blocks, threads, bytes, &arguments, "neuronBackward");
}

// The facts as the program's text writes them (neuron_program_tail).
NeuronFacts facts_from(const ProgramFacts& facts, const int* learned_index) {
  return {facts.parameters, facts.states, facts.stored, facts.width, facts.fires != 0, true, facts.reads_x != 0, facts.reads_stored,
          facts.learned, learned_index, static_cast<size_t>(facts.fixed_bytes), static_cast<size_t>(facts.step_bytes)};
}

std::unique_ptr<UserNeuron> loaded(const std::string& name, const std::string& code) {
  const Driver& driver = driver_functions();
  auto neuron = std::make_unique<UserNeuron>();
  Driver::Module module = nullptr;
  expect_success(driver.load(&module, code.c_str()), "compileNeuron");
  expect_success(driver.function(&neuron->forward_function, module, "neuron_forward"), "compileNeuron");
  expect_success(driver.function(&neuron->backward_function, module, "neuron_backward"), "compileNeuron");
  unsigned long long address = 0;
  size_t bytes = 0;
  expect_success(driver.global(&address, &bytes, module, "neuron_facts"), "compileNeuron");
  ProgramFacts facts;
  if (bytes != sizeof facts) throw Failure{"NATIVE", "compileNeuron", "a program of this version", "another", ""};
  fetch(reinterpret_cast<const void*>(address), &facts, sizeof facts);
  for (int k = 0; k < most_parameters; k++) neuron->learned_index[k] = facts.learned_index[k];
  neuron->own_name = name;
  neuron->name = neuron->own_name.c_str();
  neuron->facts = facts_from(facts, neuron->learned_index);
  neuron->forward = launch_forward;
  neuron->backward = launch_backward;
  return neuron;
}

int current_device() {
  int device = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  return device;
}

std::string architecture_of(int device) {
  int major = 0, minor = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  check(cudaDeviceGetAttribute(&minor, cudaDevAttrComputeCapabilityMinor, device), "cudaDeviceGetAttribute");
  return "sm_" + std::to_string(major) + std::to_string(minor);
}

std::mutex changing;
std::map<std::pair<int, std::string>, std::unique_ptr<UserNeuron>> neurons;

}  // namespace

bool compile_neuron(const std::string& name, const std::string& text) {
  refuse_in_capture("compileNeuron");
  stream();  // opens the device
  const int device = current_device();
  const NeuronProgram program = neuron_program(name, text, architecture_of(device));
  auto neuron = loaded(name, program.code);
  const std::lock_guard<std::mutex> alone(changing);
  neurons[{device, name}] = std::move(neuron);
  return program.cached;
}

const NeuronEntry* user_neuron(const std::string& name) {
  const std::lock_guard<std::mutex> alone(changing);
  const auto found = neurons.find({current_device(), name});
  return found == neurons.end() ? nullptr : found->second.get();
}

}  // namespace spikeship::device
