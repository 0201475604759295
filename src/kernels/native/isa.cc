// Which instruction set this processor has. The flags are those that CMakeLists.txt gives to each namespace.
#include "isa.h"

#include <cstdlib>
#include <string_view>

namespace spikeship {

namespace {
Isa detect() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  if (avx2 && avx512) return Isa::avx512;
  if (avx2) return Isa::avx2;
#endif
  return Isa::baseline;
}

// SPIKESHIP_ISA asks for less than the processor has, so that a test can compare the instruction sets on one machine.
Isa limited(Isa best) {
  const char* wanted = std::getenv("SPIKESHIP_ISA");
  if (wanted == nullptr) return best;
  for (const Isa isa : {Isa::baseline, Isa::avx2}) {
    if (isa < best && std::string_view(wanted) == isa_name(isa)) return isa;
  }
  return best;
}
}  // namespace

Isa best_isa() {
  static const Isa chosen = limited(detect());
  return chosen;
}

const char* isa_name(Isa isa) {
  switch (isa) {
    case Isa::avx512: return "avx512";
    case Isa::avx2: return "avx2";
    case Isa::baseline: break;
  }
  return "baseline";
}

}  // namespace spikeship
