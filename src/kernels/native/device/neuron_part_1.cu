// Neurons of the generated list, part 1 of those that compile side by side.
#define SPIKESHIP_NEURON_PART 0
#include "neuron_part.h"
