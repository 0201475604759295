// Sizes that follow from a geometry.
#include "arguments.h"

#include "failure.h"

namespace spikeship {

size_t Window::input_points() const { return product({input[0], input[1], input[2]}); }
size_t Window::kernel_points() const { return product({kernel[0], kernel[1], kernel[2]}); }
size_t Window::output_points() const { return product({output[0], output[1], output[2]}); }

}  // namespace spikeship
