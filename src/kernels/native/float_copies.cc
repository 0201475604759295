// Copies of activations as floats.
#include "float_copies.h"

#include "device_call.h"
#include "entries.h"
#include "failure.h"

namespace spikeship {

FloatCopy::FloatCopy(Environment& environment, const Buffer& array, ActivationType type, size_t count, const char* what)
    : environment_(environment), array_(array), type_(type), count_(count),
      copied_(array.data != nullptr && type != ActivationType::float32) {
  if (array.data != nullptr) array.numbers(count, type, what);
  static_cast<Buffer&>(floats_) = array;
  if (!copied_) return;
  const size_t bytes = product({count, sizeof(float)});
  if (const DeviceKernels* device = call_device()) block_ = {device->allocate(bytes), bytes};
  else block_ = environment.buffers.allocator().take(bytes);
  floats_.data = block_.data;
  floats_.bytes = bytes;
}

FloatCopy::~FloatCopy() {
  if (!copied_) return;
  if (const DeviceKernels* device = call_device()) device->release(block_.data, block_.capacity);
  else environment_.buffers.allocator().give_back(block_);
}

FloatsIn::FloatsIn(Environment& environment, const Buffer& given, ActivationType type, size_t count, const char* what)
    : FloatCopy(environment, given, type, count, what) {
  if (copied()) elements::convert(environment, element_type(type), given, element_type(ActivationType::float32), floats(), count);
}

void FloatsOut::write() const {
  if (copied()) elements::convert(environment_, element_type(ActivationType::float32), floats(), element_type(type_), array_, count_);
}

FactorsOf::FactorsOf(Environment& environment, ActivationType type) : environment_(environment), before_(environment.dense.precision) {
  info::set_precision(environment, type == ActivationType::float16 ? Precision::float16 : Precision::bfloat16);
}

FactorsOf::~FactorsOf() { info::set_precision(environment_, before_); }

}  // namespace spikeship
