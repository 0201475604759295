// Neurons of the generated list, part 4 of those that compile side by side.
#define SPIKESHIP_NEURON_PART 3
#include "neuron_part.h"
