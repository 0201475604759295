// One descriptor of cuDNN's graph API: created, given its attributes, finalized, destroyed.
#pragma once

#include <utility>
#include <vector>

#include "cudnn_functions.h"

namespace spikeship::device::cudnn {

// cuDNN does not do this. Thrown while a plan is made, and caught there: another way is taken.
struct Refused {
  Status status;
};

class Descriptor {
 public:
  explicit Descriptor(Kind kind) {
    const Status status = functions()->create_descriptor(kind, &raw_);
    if (status != success) throw Refused{status};
  }
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~Descriptor() {
    if (raw_ != nullptr) functions()->destroy_descriptor(raw_);
  }

  RawDescriptor raw() const { return raw_; }

  void set(Attribute attribute, Type type, const void* values, int64_t count = 1) {
    const Status status = functions()->set(raw_, attribute, type, count, values);
    if (status != success) throw Refused{status};
  }
  void set(Attribute attribute, int64_t value) { set(attribute, Type::int64, &value); }
  void set(Attribute attribute, const std::vector<int64_t>& values) {
    set(attribute, Type::int64, values.data(), static_cast<int64_t>(values.size()));
  }
  void set(Attribute attribute, const Descriptor& value) { set(attribute, Type::descriptor, &value.raw_); }

  void finalize() {
    const Status status = functions()->finalize(raw_);
    if (status != success) throw Refused{status};
  }

  // The number of values that there were, up to `wanted`.
  int64_t get(Attribute attribute, Type type, void* values, int64_t wanted) const {
    int64_t count = 0;
    const Status status = functions()->get(raw_, attribute, type, wanted, &count, values);
    if (status != success) throw Refused{status};
    return count < wanted ? count : wanted;
  }

 private:
  RawDescriptor raw_ = nullptr;
};

}  // namespace spikeship::device::cudnn
