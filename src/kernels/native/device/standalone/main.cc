// spikeship_device_check: checks a device library against the CPU's kernels, or measures it. Needs only the library.
//
//   spikeship_device_check LIBRARY            every kernel against the CPU; ends with `N passed, N failed`
//   spikeship_device_check LIBRARY bench [FILE]   time of the kernels against the copy bandwidth of the same run; JSON
//   spikeship_device_check LIBRARY trial [FILE]   the same in tiny sizes, to see that everything works
//   spikeship_device_check LIBRARY info       what the library finds on this machine
#include <dlfcn.h>

#include <cstdio>

#include "../../failure.h"
#include "program.h"

namespace spikeship::standalone {
namespace {

constexpr int no_device = 3;

const DeviceKernels* open(const char* file) {
  void* library = dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    std::fprintf(stderr, "%s\n", dlerror());
    return nullptr;
  }
  const auto entry = reinterpret_cast<DeviceEntry>(dlsym(library, "spikeship_device_kernels"));
  const DeviceKernels* kernels = entry == nullptr ? nullptr : entry(device_abi);
  if (kernels == nullptr) std::fprintf(stderr, "%s: expected a library built with this program, got another version\n", file);
  return kernels;
}

size_t print_info(const DeviceKernels& kernels) {
  std::string why_none;
  const std::vector<DeviceInfo> found = kernels.devices(why_none);
  std::printf("library    %s, driver %s\n", kernels.kind, kernels.driver().empty() ? "not found" : kernels.driver().c_str());
  for (const DeviceInfo& device : found) {
    std::printf("device     %s, %s, %.1f GiB\n", device.name.c_str(), device.architecture.c_str(), device.total_bytes / (1 << 30));
  }
  if (found.empty()) std::printf("device     none: %s\n", why_none.c_str());
  for (const LibraryInfo& library : kernels.libraries()) {
    std::printf("%-10s %s (%s)\n", library.name.c_str(), library.version.empty() ? "not found" : library.version.c_str(), library.file.c_str());
  }
  return found.size();
}

int check(const DeviceKernels& kernels) {
  Report report;
  check_kernels(kernels, report);
  check_addresses(kernels, report);
  check_dense(kernels, report);
  check_runtime(kernels, report);
  check_neurons(kernels, report);
  return report.finish();
}

int run(int count, char** arguments) {
  const std::string mode = count > 2 ? arguments[2] : "check";
  const bool measures = mode == "bench" || mode == "trial";
  if (count < 2 || (mode != "check" && !measures && mode != "info")) {
    std::fprintf(stderr, "usage: %s LIBRARY [check | bench [FILE] | trial [FILE] | info]\n", arguments[0]);
    return 2;
  }
  const DeviceKernels* kernels = open(arguments[1]);
  if (kernels == nullptr) return 2;
  if (mode == "info") return print_info(*kernels), 0;
  if (mode == "check" && print_info(*kernels) == 0) return no_device;
  std::string why_none;
  if (kernels->devices(why_none).empty()) {
    std::fprintf(stderr, "no device: nothing measured (%s)\n", why_none.c_str());
    return no_device;
  }
  kernels->use(0);
  return measures ? bench(*kernels, count > 3 ? arguments[3] : "", mode == "trial") : check(*kernels);
}

}  // namespace
}  // namespace spikeship::standalone

int main(int count, char** arguments) {
  try {
    return spikeship::standalone::run(count, arguments);
  } catch (const spikeship::Failure& failure) {
    std::fprintf(stderr, "%s: expected %s, got %s. %s\n", failure.where.c_str(), failure.expected.c_str(), failure.got.c_str(), failure.hint.c_str());
    return 1;
  }
}
