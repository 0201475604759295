// Neurons of the generated list, part 3 of those that compile side by side.
#define SPIKESHIP_NEURON_PART 2
#include "neuron_part.h"
