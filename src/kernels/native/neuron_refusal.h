// How the neuron scan refuses a call. The function lies outside the per-ISA files, because a Failure is made of
// strings, whose inline functions must not be compiled for an instruction set that this processor may lack (see isa.h).
#pragma once

#include <cstddef>

namespace spikeship {

[[noreturn]] void refuse_neuron_call(const char* expected, const char* got);

// Fails unless a call brings as many of something as the variant has.
void expect_neuron_count(const char* what, size_t expected, size_t got);

}  // namespace spikeship
