// What this build and this machine are, and the number of threads.
#include <dnnl.hpp>
#include <fstream>
#include <omp.h>
#if defined(__APPLE__)
#include <sys/sysctl.h>
#endif

#include "device_call.h"
#include "entries.h"
#include "failure.h"
#include "isa.h"

namespace spikeship::info {
namespace {

std::string compiler() {
#if defined(__clang__)
  return std::string("clang ") + __clang_version__;
#else
  return std::string("gcc ") + __VERSION__;
#endif
}

std::string processor() {
#if defined(__APPLE__)
  char name[128];
  size_t length = sizeof name;
  if (sysctlbyname("machdep.cpu.brand_string", name, &length, nullptr, 0) == 0) return name;
#else
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    const size_t colon = line.find(": ");
    if (colon != std::string::npos) return line.substr(colon + 2);
  }
#endif
  return "unknown";
}

}  // namespace

CoreInfo describe(Environment&) {
  const dnnl_version_t& version = *dnnl_version();
  const std::string onednn =
      std::to_string(version.major) + "." + std::to_string(version.minor) + "." + std::to_string(version.patch);
  return {SPIKESHIP_VERSION, onednn, compiler(), isa_name(best_isa()), processor(), static_cast<double>(omp_get_max_threads())};
}

void set_threads(Environment&, size_t count) {
  if (count < 1 || count > 1024) {
    throw Failure{"OPTION", "threads", "a whole number from 1 to 1024", std::to_string(count), ""};
  }
  omp_set_num_threads(static_cast<int>(count));
}

void set_precision(Environment& environment, Precision precision) {
  environment.dense.precision = precision;
  if (Devices::opened()) Devices::library().set_precision(precision);
}

}  // namespace spikeship::info
