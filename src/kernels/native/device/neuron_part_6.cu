// Neurons of the generated list, part 6 of those that compile side by side.
#define SPIKESHIP_NEURON_PART 5
#include "neuron_part.h"
