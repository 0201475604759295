// Finds and opens NVIDIA's libraries at run time, by name and version. One build serves machines with and without them.
#pragma once

#include <string>
#include <vector>

#include "device_kernels.h"

namespace spikeship::device {

enum class Library { cublas_lt, cudnn, nvrtc, nccl };

// A library of this process: opened when it is asked for first, and kept until the process ends.
class OpenLibrary {
 public:
  static const OpenLibrary& get(Library which);

  bool found() const { return handle_ != nullptr; }
  // "13.1.1"; empty when it was not found.
  const std::string& version() const { return version_; }
  // The file that was opened, or what was tried.
  const std::string& file() const { return file_; }
  // The address of a function, or null: not there.
  void* symbol(const char* name) const;
  // Points `function` at it; false: not there.
  template <class Function>
  bool find(Function*& function, const char* name) const {
    function = reinterpret_cast<Function*>(symbol(name));
    return function != nullptr;
  }

 private:
  explicit OpenLibrary(Library which);
  bool open(Library which, const std::string& folder, const std::string& name);

  void* handle_ = nullptr;
  std::string version_, file_;
};

// Folders in which libraries are looked for after what SPIKESHIP_CUDA_PATH names and the system's loader, best first: the CUDA toolkit's,
// then those of NVIDIA's Python packages. Only folders that exist.
std::vector<std::string> library_folders();

}  // namespace spikeship::device
