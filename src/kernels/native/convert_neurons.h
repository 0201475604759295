// The arguments of neuron scans, from JavaScript values.
#pragma once

#include "convert.h"

namespace spikeship {

template <>
struct From<NeuronForwardArguments> {
  static NeuronForwardArguments read(const Incoming& in) {
    using Buffers = std::vector<OptionalBuffer>;
    return {field<std::string>(in, "variant"),
            field<size_t>(in, "steps"),
            field<size_t>(in, "elements"),
            field<bool>(in, "repeatedInput"),
            field<OptionalBuffer>(in, "x"),
            field<Buffers>(in, "initialStates"),
            field<Numbers>(in, "initialValues"),
            field<Buffers>(in, "finalStates"),
            field<Numbers>(in, "params"),
            field<OptionalBuffer>(in, "spike"),
            field<Buffers>(in, "saved"),
            field<Buffers>(in, "stateSeqs"),
            field<OptionalBuffer>(in, "affine"),
            field<size_t>(in, "channels"),
            field<ActivationType>(in, "type")};
  }
};

template <>
struct From<NeuronBackwardArguments> {
  static NeuronBackwardArguments read(const Incoming& in) {
    using Buffers = std::vector<OptionalBuffer>;
    return {field<std::string>(in, "variant"),
            field<std::string>(in, "surrogate"),
            field<Numbers>(in, "surrogateParams"),
            field<size_t>(in, "steps"),
            field<size_t>(in, "elements"),
            field<bool>(in, "repeatedInput"),
            field<OptionalBuffer>(in, "x"),
            field<Buffers>(in, "initialStates"),
            field<Numbers>(in, "initialValues"),
            field<Buffers>(in, "saved"),
            field<Numbers>(in, "params"),
            field<OptionalBuffer>(in, "gradSpike"),
            field<Buffers>(in, "gradStateSeqs"),
            field<Buffers>(in, "gradSaved"),
            field<Buffers>(in, "gradFinalStates"),
            field<OptionalBuffer>(in, "gradX"),
            field<Buffers>(in, "gradInitialStates"),
            field<Numbers>(in, "gradParams"),
            field<OptionalBuffer>(in, "affine"),
            field<size_t>(in, "channels"),
            field<ActivationType>(in, "type")};
  }
};

}  // namespace spikeship
