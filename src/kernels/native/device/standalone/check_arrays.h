// Arrays of a neuron scan's call, for the CPU and for the device, and what the device made of them compared with what the CPU did.
#pragma once

#include <bit>
#include <cstring>
#include <memory>

#include "../../neuron_scan.h"
#include "../../number_types.h"
#include "program.h"

namespace spikeship::standalone {

// Arrays of the host in float32, and on the device in the type that a call asks for.
class Arrays {
 public:
  // `shift`: numbers between an array's memory and its beginning, so that no group of neighbours is aligned.
  Arrays(const DeviceKernels& device, ActivationType type, size_t shift) : device_(device), type_(type), shift_(shift) {}

  // Values are rounded to the type first, so that both sides are given the same numbers.
  size_t sequence(std::vector<float> values) { return add(std::move(values), type_); }
  size_t state(std::vector<float> values) { return add(std::move(values), ActivationType::float32); }

  float* at(size_t index, bool on_device) {
    Array& array = arrays_[index];
    if (!on_device) return array.host.data();
    return reinterpret_cast<float*>(array.there->data() + shift_ * bytes_of(array.type));
  }

  std::string compare(const std::vector<size_t>& outputs) {
    for (const size_t index : outputs) {
      std::vector<float> expected = arrays_[index].host;
      for (float& value : expected) value = rounded(arrays_[index].type, value);
      const std::string wrong = difference(read(arrays_[index]), expected);
      if (!wrong.empty()) return wrong;
    }
    return "";
  }

 private:
  struct Array {
    ActivationType type;
    std::vector<float> host;
    std::unique_ptr<DeviceArray<uint8_t>> there;
  };

  static uint16_t bits(ActivationType type, float value) {
    return type == ActivationType::float16 ? baseline::float16_bits(value) : baseline::bfloat16_bits(value);
  }
  static float number(ActivationType type, uint16_t bits) {
    return type == ActivationType::float16 ? baseline::from_float16_bits(bits) : std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  static float rounded(ActivationType type, float value) { return type == ActivationType::float32 ? value : number(type, bits(type, value)); }

  size_t add(std::vector<float> values, ActivationType type) {
    std::vector<uint8_t> bytes((values.size() + shift_) * bytes_of(type));
    uint8_t* to = bytes.data() + shift_ * bytes_of(type);
    for (size_t i = 0; i < values.size(); i++) {
      values[i] = rounded(type, values[i]);
      const uint16_t half = type == ActivationType::float32 ? uint16_t{} : bits(type, values[i]);
      if (type == ActivationType::float32) std::memcpy(to + i * 4, &values[i], 4);
      else std::memcpy(to + i * 2, &half, 2);
    }
    arrays_.push_back({type, std::move(values), std::make_unique<DeviceArray<uint8_t>>(device_, bytes)});
    return arrays_.size() - 1;
  }

  std::vector<float> read(const Array& array) const {
    const std::vector<uint8_t> bytes = array.there->read();
    const uint8_t* from = bytes.data() + shift_ * bytes_of(array.type);
    std::vector<float> values(array.host.size());
    for (size_t i = 0; i < values.size(); i++) {
      uint16_t half = 0;
      if (array.type == ActivationType::float32) std::memcpy(&values[i], from + i * 4, 4);
      else std::memcpy(&half, from + i * 2, 2);
      if (array.type != ActivationType::float32) values[i] = number(array.type, half);
    }
    return values;
  }

  const DeviceKernels& device_;
  const ActivationType type_;
  const size_t shift_;
  std::vector<Array> arrays_;
};

}  // namespace spikeship::standalone
