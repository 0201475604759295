// The scan's errors, also in this library.
#include "../neuron_refusal.cc"
