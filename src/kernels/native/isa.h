// One module for every processor: kernel files are compiled once for each instruction set, in a namespace of that name, and the
// best one is chosen when the module is loaded. Results do not depend on the choice (no contraction, no reassociation).
//
// Trap: an inline function of the standard library that such a file does not inline is emitted with that file's instruction set,
// and the linker may keep this copy for all callers. Kernel files therefore use plain pointers and functions of their own namespace.
#pragma once

namespace spikeship {

enum class Isa { baseline, avx2, avx512 };

Isa best_isa();
const char* isa_name(Isa isa);

}  // namespace spikeship

// SPIKESHIP_FOR_EACH_ISA(declare) expands declare(name) for every namespace of this platform.
// SPIKESHIP_ON_BEST_ISA(call) calls `call` in the namespace for this processor.
#if defined(__x86_64__)
#define SPIKESHIP_FOR_EACH_ISA(declare) declare(baseline) declare(avx2) declare(avx512)
#define SPIKESHIP_ON_BEST_ISA(...)                              \
  (::spikeship::best_isa() == ::spikeship::Isa::avx512          \
       ? ::spikeship::avx512::__VA_ARGS__                       \
       : (::spikeship::best_isa() == ::spikeship::Isa::avx2     \
              ? ::spikeship::avx2::__VA_ARGS__                  \
              : ::spikeship::baseline::__VA_ARGS__))
#else
#define SPIKESHIP_FOR_EACH_ISA(declare) declare(baseline)
#define SPIKESHIP_ON_BEST_ISA(...) ::spikeship::baseline::__VA_ARGS__
#endif
