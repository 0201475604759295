// The only file (with convert_neurons.h) that turns JavaScript values into C++ values and back. A value of the wrong kind is a Failure that names the
// function and the argument; ranges and shapes are the business of the callers.
#pragma once

#include <napi.h>

#include <array>
#include <cmath>
#include <string>
#include <string_view>

#include "arguments.h"
#include "environment.h"
#include "failure.h"

namespace spikeship {

// One value on its way from JavaScript: an argument of a function, or a field of one.
struct Incoming {
  Environment& environment;
  napi_value value;
  const char* function;
  size_t position;
  const char* field = nullptr;

  // `got` may be left out: the kind of the value then stands for it.
  [[noreturn]] void refuse(const std::string& expected, const std::string& got = "") const {
    napi_valuetype type = napi_undefined;
    napi_typeof(environment.env, value, &type);
    static constexpr const char* names[] = {"undefined", "null",   "a boolean",  "a number",   "a string",
                                            "a symbol",  "an object", "a function", "an external", "a bigint"};
    std::string place = "argument " + std::to_string(position + 1);
    if (field != nullptr) place = "field " + std::string(field) + " of " + place;
    throw Failure{"NATIVE", function, expected + " as " + place, got.empty() ? names[type] : got, ""};
  }
  Incoming in(const char* name) const {
    Incoming inner{environment, nullptr, function, position, name};
    if (napi_get_named_property(environment.env, value, name, &inner.value) != napi_ok) refuse("an object");
    return inner;
  }
};

template <class T>
struct From;

template <>
struct From<double> {
  static double read(const Incoming& in) {
    double number = 0;
    if (napi_get_value_double(in.environment.env, in.value, &number) != napi_ok) in.refuse("a number");
    return number;
  }
};

template <>
struct From<size_t> {
  static size_t read(const Incoming& in) {
    const double number = From<double>::read(in);
    if (!(number >= 0) || number > 9007199254740991.0 || std::floor(number) != number) {
      in.refuse("a whole number from 0 on", std::to_string(number));
    }
    return static_cast<size_t>(number);
  }
};

template <>
struct From<bool> {
  static bool read(const Incoming& in) {
    bool flag = false;
    if (napi_get_value_bool(in.environment.env, in.value, &flag) != napi_ok) in.refuse("a boolean");
    return flag;
  }
};

template <>
struct From<std::string> {
  static std::string read(const Incoming& in) {
    size_t length = 0;
    if (napi_get_value_string_utf8(in.environment.env, in.value, nullptr, 0, &length) != napi_ok) in.refuse("a string");
    std::string text(length + 1, '\0');
    napi_get_value_string_utf8(in.environment.env, in.value, text.data(), text.size(), &length);
    text.resize(length);
    return text;
  }
};

template <>
struct From<Buffer> {
  static Buffer read(const Incoming& in) { return in.environment.buffers.at(From<double>::read(in)); }
};

template <>
struct From<OptionalBuffer> {
  static OptionalBuffer read(const Incoming& in) {
    const double id = From<double>::read(in);
    return id == 0 ? OptionalBuffer{} : OptionalBuffer{in.environment.buffers.at(id)};
  }
};

template <class T>
struct From<std::vector<T>> {
  static std::vector<T> read(const Incoming& in) {
    uint32_t length = 0;
    if (napi_get_array_length(in.environment.env, in.value, &length) != napi_ok) in.refuse("an array");
    std::vector<T> list;
    list.reserve(length);
    for (uint32_t i = 0; i < length; i++) {
      Incoming member{in.environment, nullptr, in.function, in.position, in.field};
      if (napi_get_element(in.environment.env, in.value, i, &member.value) != napi_ok) in.refuse("an array");
      list.push_back(From<T>::read(member));
    }
    return list;
  }
};

template <>
struct From<Bytes> {
  static Bytes read(const Incoming& in) {
    bool typed = false;
    napi_is_typedarray(in.environment.env, in.value, &typed);
    if (!typed) in.refuse("a typed array");
    const Napi::TypedArray array(in.environment.env, in.value);
    return {static_cast<uint8_t*>(array.ArrayBuffer().Data()) + array.ByteOffset(), array.ByteLength()};
  }
};

template <>
struct From<Numbers> {
  static Numbers read(const Incoming& in) {
    bool typed = false;
    napi_is_typedarray(in.environment.env, in.value, &typed);
    if (!typed || Napi::TypedArray(in.environment.env, in.value).TypedArrayType() != napi_float64_array) {
      in.refuse("a Float64Array");
    }
    const Napi::Float64Array array(in.environment.env, in.value);
    return {const_cast<double*>(array.Data()), array.ElementLength()};
  }
};

// Operations by name, in the order of their enumerations.
template <class Op>
struct OpNames;
template <>
struct OpNames<UnaryOp> {
  static constexpr std::string_view all[] = {"neg",   "exp",   "log",   "sqrt",      "abs",          "sign",       "sigmoid", "tanh",
                                             "relu",  "floor", "trunc", "roundEven", "roundFloat16", "reciprocal", "square",  "isFinite"};
};
template <>
struct OpNames<BinaryOp> {
  static constexpr std::string_view all[] = {"add", "sub", "mul", "div", "max", "min", "greaterEqual", "greater", "equal"};
};
template <>
struct OpNames<Precision> {
  static constexpr std::string_view all[] = {"float32", "bfloat16", "float16"};
};
template <>
struct OpNames<ActivationType> {
  static constexpr std::string_view all[] = {"float32", "float16", "bfloat16"};
};
template <>
struct OpNames<ReduceOp> {
  static constexpr std::string_view all[] = {"sum", "mean", "max", "argmax"};
};
template <>
struct OpNames<OptimizerKind> {
  static constexpr std::string_view all[] = {"sgd", "adam"};
};
template <>
struct OpNames<Clip> {
  static constexpr std::string_view all[] = {"none", "norm", "value"};
};
template <>
struct OpNames<PoolOp> {
  static constexpr std::string_view all[] = {"max", "avg", "sum"};
};

template <class Op>
Op read_op(const Incoming& in) {
  const std::string name = From<std::string>::read(in);
  for (size_t i = 0; i < std::size(OpNames<Op>::all); i++) {
    if (OpNames<Op>::all[i] == name) return static_cast<Op>(i);
  }
  throw Failure{"NATIVE", in.function, "the name of an operation", "\"" + name + "\"", ""};
}

template <class Op>
  requires requires { OpNames<Op>::all; }
struct From<Op> {
  static Op read(const Incoming& in) { return read_op<Op>(in); }
};

// The last argument of a call, float32 where it is left out.
template <>
struct From<ActivationType> {
  static ActivationType read(const Incoming& in) {
    napi_valuetype type = napi_undefined;
    napi_typeof(in.environment.env, in.value, &type);
    return type == napi_undefined ? ActivationType::float32 : read_op<ActivationType>(in);
  }
};

template <class T>
T field(const Incoming& in, const char* name) {
  return From<T>::read(in.in(name));
}

inline void read_window(const Incoming& in, Window& window) {
  struct Part {
    const char* name;
    size_t* sizes;
    size_t filler;
  };
  const Part parts[] = {{"input", window.input, 1},     {"kernel", window.kernel, 1},     {"stride", window.stride, 1},
                        {"padding", window.padding, 0}, {"dilation", window.dilation, 1}, {"output", window.output, 1}};
  window.axes = 0;
  for (const Part& part : parts) {
    const Sizes given = field<Sizes>(in, part.name);
    if (window.axes == 0) window.axes = given.size();
    if (given.size() != window.axes || given.empty() || given.size() > 3) {
      in.in(part.name).refuse("1 to 3 sizes, as many as spatial axes,");
    }
    for (size_t axis = 0; axis < 3; axis++) {
      const size_t missing = 3 - given.size();
      part.sizes[axis] = axis < missing ? part.filler : given[axis - missing];
    }
  }
}

template <>
struct From<ConvSpec> {
  static ConvSpec read(const Incoming& in) {
    ConvSpec spec;
    read_window(in, spec);
    spec.batch = field<size_t>(in, "batch");
    spec.in_channels = field<size_t>(in, "inChannels");
    spec.out_channels = field<size_t>(in, "outChannels");
    spec.groups = field<size_t>(in, "groups");
    return spec;
  }
};

template <>
struct From<PoolSpec> {
  static PoolSpec read(const Incoming& in) {
    PoolSpec spec;
    read_window(in, spec);
    spec.batch = field<size_t>(in, "batch");
    spec.channels = field<size_t>(in, "channels");
    spec.count_include_pad = field<bool>(in, "countIncludePad");
    spec.divisor = field<size_t>(in, "divisor");
    return spec;
  }
};

template <>
struct From<SgdOptions> {
  static SgdOptions read(const Incoming& in) {
    return {field<double>(in, "learningRate"), field<double>(in, "momentum"), field<double>(in, "dampening"),
            field<double>(in, "weightDecay"),  field<bool>(in, "nesterov"),   field<bool>(in, "firstStep")};
  }
};

template <>
struct From<AdamOptions> {
  static AdamOptions read(const Incoming& in) {
    return {field<double>(in, "learningRate"), field<double>(in, "beta1"),    field<double>(in, "beta2"), field<double>(in, "epsilon"),
            field<double>(in, "weightDecay"),  field<bool>(in, "decoupled"), field<double>(in, "step")};
  }
};

template <>
struct From<StepRules> {
  static StepRules read(const Incoming& in) {
    return {field<OptimizerKind>(in, "kind"), field<double>(in, "momentum"), field<double>(in, "dampening"), field<bool>(in, "nesterov"),
            field<double>(in, "beta1"),       field<double>(in, "beta2"),    field<double>(in, "epsilon"),   field<bool>(in, "decoupled"),
            field<Clip>(in, "clip"),          field<double>(in, "limit"),    field<bool>(in, "scaled")};
  }
};

template <>
struct From<OptimizerStepArguments> {
  static OptimizerStepArguments read(const Incoming& in) {
    return {field<StepRules>(in, "rules"),
            field<std::vector<Buffer>>(in, "params"),
            field<std::vector<Buffer>>(in, "grads"),
            field<std::vector<OptionalBuffer>>(in, "first"),
            field<std::vector<OptionalBuffer>>(in, "second"),
            field<Numbers>(in, "numbers"),
            field<Buffer>(in, "control"),
            field<OptionalBuffer>(in, "loss")};
  }
};

}  // namespace spikeship
