// How the numbers that layers hand on, and their gradients, lie in memory. Arithmetic and sums are float32 in every one of them.
#pragma once

namespace spikeship {

enum class ActivationType : int { float32, float16, bfloat16 };

}  // namespace spikeship
