// Sizes that follow from a geometry.
#include "arguments.h"

#include "failure.h"

namespace spikeship {

size_t Window::input_points() const { return product({input[0], input[1], input[2]}); }
size_t Window::kernel_points() const { return product({kernel[0], kernel[1], kernel[2]}); }
size_t Window::output_points() const { return product({output[0], output[1], output[2]}); }

int64_t Window::padding_after(size_t axis) const {
  const auto before = static_cast<int64_t>(padding[axis]), step = static_cast<int64_t>(stride[axis]);
  const auto inside = static_cast<int64_t>(input[axis]), wanted = static_cast<int64_t>(output[axis]);
  const int64_t span = (static_cast<int64_t>(kernel[axis]) - 1) * static_cast<int64_t>(dilation[axis]) + 1;
  const int64_t symmetric = inside + 2 * before - span;
  if (symmetric >= 0 && symmetric / step + 1 == wanted) return before;
  return (wanted - 1) * step + span - inside - before;
}

}  // namespace spikeship
