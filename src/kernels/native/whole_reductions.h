// Reductions over whole arrays on the CPU, for entries of other subjects.
#pragma once

#include "environment.h"

namespace spikeship {

// Sum of the squares of the numbers times `factor` (rounded to float32), in double precision, in a fixed order.
double squares_of(Environment& environment, const float* x, size_t count, float factor);
bool all_finite(Environment& environment, const float* x, size_t count);

}  // namespace spikeship
