// Activations of 16 bits for kernels that read and write floats: copies in memory of ours, on the device of the call, for as long as the
// call lasts. Rounded to nearest on the way back. Arrays of floats are used as they are, absent ones stay absent.
#pragma once

#include "activations.h"
#include "buffers.h"
#include "environment.h"

namespace spikeship {

// An array as floats: itself, or room for a copy.
class FloatCopy {
 public:
  FloatCopy(const FloatCopy&) = delete;
  FloatCopy& operator=(const FloatCopy&) = delete;
  OptionalBuffer floats() const { return floats_; }

 protected:
  FloatCopy(Environment& environment, const Buffer& array, ActivationType type, size_t count, const char* what);
  ~FloatCopy();
  bool copied() const { return copied_; }

  Environment& environment_;
  Buffer array_;
  ActivationType type_;
  size_t count_;

 private:
  bool copied_;
  OptionalBuffer floats_;
  Block block_;
};

// What a kernel reads.
class FloatsIn : public FloatCopy {
 public:
  FloatsIn(Environment& environment, const Buffer& given, ActivationType type, size_t count, const char* what);
};

// What a kernel writes; `write` brings it to the array.
class FloatsOut : public FloatCopy {
 public:
  FloatsOut(Environment& environment, const Buffer& wanted, ActivationType type, size_t count, const char* what)
      : FloatCopy(environment, wanted, type, count, what) {}
  void write() const;
};

// While it lives, products round their factors to the numbers of an activation type.
class FactorsOf {
 public:
  FactorsOf(Environment& environment, ActivationType type);
  FactorsOf(const FactorsOf&) = delete;
  FactorsOf& operator=(const FactorsOf&) = delete;
  ~FactorsOf();

 private:
  Environment& environment_;
  Precision before_;
};

}  // namespace spikeship
