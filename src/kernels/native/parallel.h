// When a loop over elements is worth two threads. Per-ISA kernel files include it; it defines constants only.
#pragma once

#include <cstddef>

namespace spikeship {

// Below this many elements the start of a parallel region costs more than it saves (about 2 microseconds).
// Trap: on a `parallel for simd`, write `if (parallel : ...)`. A bare `if` holds for `simd` too (OpenMP 5.0): below the limit the loop then runs
// element by element, several times slower.
inline constexpr size_t parallel_from = 32768;

}  // namespace spikeship
