// Neurons of the generated list, part 5 of those that compile side by side.
#define SPIKESHIP_NEURON_PART 4
#include "neuron_part.h"
