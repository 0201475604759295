// What the host's part of the scan needs of the files that the device's compiler reads: sums over blocks, surrogate functions by name,
// and how much memory a block can have.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "neuron_arguments.h"

namespace spikeship::device {

// Sums `[blocks, count]` over the blocks, in an order that depends on `blocks` alone, into host memory. Waits for the device.
void neuron_sums(const double* partials, size_t blocks, size_t count, double* host_sums);

// The place of a surrogate's derivative in the generated list, and its numbers as the kernels read them. "" is none.
int surrogate_place(const std::string& name, const std::vector<double>& params, float (&numbers)[most_surrogate_numbers]);

size_t most_block_bytes();

}  // namespace spikeship::device
