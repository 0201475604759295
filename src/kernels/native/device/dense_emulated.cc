// Dense arithmetic of the emulated device: plain loops for everything, no library.
#include "conv_by_library.h"
#include "dense_product.h"

namespace spikeship::device {

void multiply(const Product& product) { multiply_plain(product); }

bool library_forward(const ConvSpec&, Factor, const float*, const float*, const Result&) { return false; }
bool library_backward_data(const ConvSpec&, Factor, const float*, const Result&) { return false; }
bool library_backward_weights(const ConvSpec&, Factor, Factor, float*) { return false; }

}  // namespace spikeship::device
