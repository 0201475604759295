// How the numbers of a neuron scan's sequences lie in memory. Arithmetic is float32 in every one of them.
#pragma once

namespace spikeship {

enum class SequenceType : int { float32, float16, bfloat16 };

}  // namespace spikeship
