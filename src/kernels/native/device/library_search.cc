// Opens NVIDIA's libraries: in the folders that SPIKESHIP_CUDA_PATH names, where the system's loader looks, then in the usual folders.
#include "library_search.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

namespace spikeship::device {
namespace {

struct Description {
  const char* name;
  std::vector<const char*> files;  // best first
  // Libraries that must be there beside it. It opens them itself by name; those that are open already are taken.
  std::vector<const char*> parts;
  // The function that tells the version, and how it is called.
  const char* version_function;
  std::string (*version)(void* function);
};

// 130101 is 13.1.1.
std::string of_hundreds(size_t number) {
  return std::to_string(number / 10000) + "." + std::to_string(number / 100 % 100) + "." + std::to_string(number % 100);
}

// size_t cublasLtGetVersion(void) and size_t cudnnGetVersion(void).
std::string returned_number(void* function) { return of_hundreds(reinterpret_cast<size_t (*)()>(function)()); }

// nvrtcResult nvrtcVersion(int* major, int* minor)
std::string nvrtc_version(void* function) {
  int major = 0, minor = 0;
  if (reinterpret_cast<int (*)(int*, int*)>(function)(&major, &minor) != 0) return "";
  return std::to_string(major) + "." + std::to_string(minor);
}

// ncclResult_t ncclGetVersion(int* version)
std::string nccl_version(void* function) {
  int number = 0;
  return reinterpret_cast<int (*)(int*)>(function)(&number) == 0 ? of_hundreds(static_cast<size_t>(number)) : "";
}

const Description& description(Library which) {
  static const Description cublas_lt{
      "cuBLASLt", {"libcublasLt.so.13", "libcublasLt.so.12"}, {}, "cublasLtGetVersion", returned_number};
  // cuDNN 9's own file only passes calls on; asked for its version without libcudnn_graph it would end the process.
  static const Description cudnn{"cuDNN",
                                 {"libcudnn.so.9"},
                                 {"libcudnn_graph.so.9", "libcudnn_ops.so.9", "libcudnn_cnn.so.9"},
                                 "cudnnGetVersion",
                                 returned_number};
  static const Description nvrtc{"NVRTC", {"libnvrtc.so.13", "libnvrtc.so.12"}, {}, "nvrtcVersion", nvrtc_version};
  static const Description nccl{"NCCL", {"libnccl.so.2"}, {}, "ncclGetVersion", nccl_version};
  switch (which) {
    case Library::cublas_lt: return cublas_lt;
    case Library::cudnn: return cudnn;
    case Library::nvrtc: return nvrtc;
    case Library::nccl: break;
  }
  return nccl;
}

std::vector<std::string> named_folders() {
  std::vector<std::string> folders;
  const char* list = std::getenv("SPIKESHIP_CUDA_PATH");
  for (std::string rest = list == nullptr ? "" : list; !rest.empty();) {
    const size_t end = rest.find(':');
    if (const std::string folder = rest.substr(0, end); !folder.empty()) folders.push_back(folder);
    rest = end == std::string::npos ? "" : rest.substr(end + 1);
  }
  return folders;
}

std::string path_of(const std::string& folder, const std::string& file) { return folder.empty() ? file : folder + "/" + file; }

// RTLD_LOCAL is enough for libraries that open each other: the loader knows an open one by its name.
void* open_file(const std::string& file) { return dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL); }

std::string file_of(void* address, const std::string& otherwise) {
  Dl_info info;
  return dladdr(address, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : otherwise;
}

}  // namespace

bool OpenLibrary::open(Library which, const std::string& folder, const std::string& name) {
  const Description& wanted = description(which);
  // A missing file is the usual case; dlopen's reason is worth telling only for one that is there.
  std::error_code error;
  const auto reason = [&] {
    const char* text = dlerror();
    if (!folder.empty() && text != nullptr) file_ += std::string("; ") + text;
    return false;
  };
  if (!folder.empty() && !std::filesystem::exists(path_of(folder, name), error)) return false;
  for (const char* part : wanted.parts) {
    if (open_file(path_of(folder, part)) == nullptr) return reason();
  }
  void* handle = open_file(path_of(folder, name));
  if (handle == nullptr) return reason();
  void* teller = dlsym(handle, wanted.version_function);
  if (teller != nullptr) version_ = wanted.version(teller);
  if (version_.empty()) {
    file_ += "; " + path_of(folder, name) + " does not tell its version";
    dlclose(handle);
    return false;
  }
  handle_ = handle;
  file_ = file_of(teller, path_of(folder, name));
  // NVRTC opens this part of itself by name, for us and for cuDNN, and the system's loader does not know the folders of Python packages.
  if (which == Library::nvrtc) open_file(file_.substr(0, file_.rfind('/') + 1) + "libnvrtc-builtins.so." + version_);
  return true;
}

OpenLibrary::OpenLibrary(Library which) {
  // cuDNN opens these two by name, and the system's loader does not know the folders of Python packages.
  if (which == Library::cudnn) {
    get(Library::cublas_lt);
    get(Library::nvrtc);
  }
  // "": the system's loader.
  std::vector<std::string> folders = named_folders();
  folders.push_back("");
  for (const std::string& folder : library_folders()) folders.push_back(folder);
  const Description& wanted = description(which);
  for (const char* name : wanted.files) {
    for (const std::string& folder : folders) {
      if (open(which, folder, name)) return;
    }
  }
  std::string tried;
  for (const char* name : wanted.files) tried += (tried.empty() ? "" : ", ") + std::string(name);
  tried += " in the system's folders";
  for (const std::string& folder : folders) {
    if (!folder.empty()) tried += ", " + folder;
  }
  file_ = tried + file_;
}

const OpenLibrary& OpenLibrary::get(Library which) {
  switch (which) {
    case Library::cublas_lt: {
      static const OpenLibrary library(Library::cublas_lt);
      return library;
    }
    case Library::cudnn: {
      static const OpenLibrary library(Library::cudnn);
      return library;
    }
    case Library::nvrtc: {
      static const OpenLibrary library(Library::nvrtc);
      return library;
    }
    case Library::nccl: break;
  }
  static const OpenLibrary library(Library::nccl);
  return library;
}

void* OpenLibrary::symbol(const char* name) const { return handle_ == nullptr ? nullptr : dlsym(handle_, name); }

std::vector<LibraryInfo> libraries() {
  std::vector<LibraryInfo> list;
  for (const Library which : {Library::cublas_lt, Library::cudnn, Library::nvrtc, Library::nccl}) {
    const OpenLibrary& library = OpenLibrary::get(which);
    list.push_back({description(which).name, library.version(), library.file()});
  }
  return list;
}

}  // namespace spikeship::device
