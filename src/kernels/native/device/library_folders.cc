// Where NVIDIA's libraries usually lie. Python's folders are found by their names; Python is not run.
#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "library_search.h"

namespace spikeship::device {
namespace {

namespace fs = std::filesystem;
using Folders = std::vector<std::string>;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Folders split(const std::string& list) {
  Folders parts;
  for (size_t from = 0; from < list.size();) {
    const size_t end = std::min(list.find(':', from), list.size());
    if (end > from) parts.push_back(list.substr(from, end - from));
    from = end + 1;
  }
  return parts;
}

bool is_folder(const fs::path& path) {
  std::error_code error;
  return fs::is_directory(path, error);
}

void add(Folders& folders, const fs::path& path) {
  std::error_code error;
  const std::string real = fs::canonical(path, error).string();
  if (!error && is_folder(real) && std::find(folders.begin(), folders.end(), real) == folders.end()) folders.push_back(real);
}

// The numbers in a name, so that cuda-12.10 is newer than cuda-12.9.
std::vector<long> numbers_in(const std::string& name) {
  std::vector<long> numbers;
  for (size_t at = name.find_first_of("0123456789"); at < name.size(); at = name.find_first_of("0123456789", at)) {
    const size_t end = std::min(name.find_first_not_of("0123456789", at), name.size());
    numbers.push_back(std::strtol(name.substr(at, end - at).c_str(), nullptr, 10));
    at = end;
  }
  return numbers;
}

bool newer(const std::string& a, const std::string& b) {
  const auto left = numbers_in(a), right = numbers_in(b);
  return left != right ? left > right : a < b;
}

// Folders inside `parent` whose names begin with `prefix`, newest version first.
Folders inside(const fs::path& parent, const std::string& prefix) {
  Folders found;
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    if (entry->path().filename().string().rfind(prefix, 0) == 0 && is_folder(entry->path())) found.push_back(entry->path().string());
  }
  std::sort(found.begin(), found.end(), newer);
  return found;
}

void add_toolkits(Folders& folders) {
  Folders toolkits;
  for (const char* name : {"CUDA_HOME", "CUDA_PATH"}) {
    if (const std::string home = variable(name); !home.empty()) toolkits.push_back(home);
  }
  toolkits.push_back("/usr/local/cuda");
  for (const std::string& version : inside("/usr/local", "cuda-")) toolkits.push_back(version);
#if defined(__aarch64__)
  const char* target = "targets/sbsa-linux/lib";
#else
  const char* target = "targets/x86_64-linux/lib";
#endif
  for (const fs::path toolkit : toolkits) {
    for (const char* part : {"lib64", target, "lib"}) add(folders, toolkit / part);
  }
}

// site-packages of the Pythons below a prefix such as /usr or a virtual environment.
void add_sites(Folders& sites, const fs::path& prefix) {
  for (const fs::path python : inside(prefix / "lib", "python3")) {
    add(sites, python / "site-packages");
    add(sites, python / "dist-packages");
  }
}

// Those of a program, and of the one that it is a link to: a virtual environment's Python may be linked to from /usr/local/bin.
void add_sites_of(Folders& sites, fs::path python) {
  constexpr int most_links = 8;
  std::error_code error;
  for (int link = 0; link < most_links; link++) {
    const fs::path folder = python.parent_path();
    add_sites(sites, folder.parent_path());
    // Debian's pip installs for /usr/bin/python3 below /usr/local.
    if (folder == "/usr/bin") add_sites(sites, "/usr/local");
    if (!fs::is_symlink(python, error)) return;
    python = (folder / fs::read_symlink(python, error)).lexically_normal();
  }
}

Folders python_sites() {
  if (const std::string named = variable("SPIKESHIP_PYTHON_SITE"); !named.empty()) return split(named);
  Folders sites;
  for (const char* name : {"VIRTUAL_ENV", "CONDA_PREFIX"}) {
    if (const std::string prefix = variable(name); !prefix.empty()) add_sites(sites, prefix);
  }
  for (const fs::path folder : split(variable("PATH"))) {
    std::error_code error;
    if (fs::exists(folder / "python3", error)) add_sites_of(sites, folder / "python3");
  }
  if (const std::string home = variable("HOME"); !home.empty()) add_sites(sites, fs::path(home) / ".local");
  return sites;
}

}  // namespace

std::vector<std::string> library_folders() {
  Folders folders;
  add_toolkits(folders);
  // NVIDIA's packages: nvidia/cudnn/lib, nvidia/cublas/lib (CUDA 12), nvidia/cu13/lib.
  for (const fs::path site : python_sites()) {
    for (const fs::path package : inside(site / "nvidia", "")) add(folders, package / "lib");
  }
  return folders;
}

}  // namespace spikeship::device
