// Neurons of the generated list, part 2 of those that compile side by side.
#define SPIKESHIP_NEURON_PART 1
#include "neuron_part.h"
