// The table of exports, and the one place where C++ failures become JavaScript errors.
#include <napi.h>

#include <new>
#include <tuple>
#include <utility>

#include "convert_neurons.h"
#include "device_call.h"
#include "entries.h"
#include "signals.h"

namespace spikeship {
namespace {

Napi::Value to_js(Napi::Env env, double number) { return Napi::Number::New(env, number); }

Napi::Value to_js(Napi::Env env, bool yes) { return Napi::Boolean::New(env, yes); }

Napi::Value to_js(Napi::Env env, const MemoryStats& stats) {
  auto object = Napi::Object::New(env);
  object["liveBuffers"] = static_cast<double>(stats.live_buffers);
  object["liveBytes"] = static_cast<double>(stats.live_bytes);
  object["peakBytes"] = static_cast<double>(stats.peak_bytes);
  object["cachedBytes"] = static_cast<double>(stats.cached_bytes);
  return object;
}

Napi::Value to_js(Napi::Env env, const Difference& difference) {
  auto object = Napi::Object::New(env);
  object["different"] = difference.different;
  object["first"] = difference.first;
  return object;
}

Napi::Value to_js(Napi::Env env, const CoreInfo& info) {
  auto object = Napi::Object::New(env);
  object["version"] = info.version;
  object["onednn"] = info.onednn;
  object["compiler"] = info.compiler;
  object["isa"] = info.isa;
  object["threads"] = info.threads;
  object["cpu"] = info.cpu;
  return object;
}

Napi::Value to_js(Napi::Env env, const DeviceMemoryStats& stats) {
  auto object = Napi::Object::New(env);
  object["liveBytes"] = stats.live_bytes;
  object["peakBytes"] = stats.peak_bytes;
  object["cachedBytes"] = stats.cached_bytes;
  return object;
}

Napi::Value to_js(Napi::Env env, const DeviceInfo& info) {
  auto object = Napi::Object::New(env);
  object["name"] = info.name;
  object["architecture"] = info.architecture;
  object["totalBytes"] = info.total_bytes;
  object["freeBytes"] = info.free_bytes;
  object["multiprocessors"] = info.multiprocessors;
  return object;
}

Napi::Value to_js(Napi::Env env, const LibraryInfo& info) {
  auto object = Napi::Object::New(env);
  object["name"] = info.name;
  object["version"] = info.version;
  object["file"] = info.file;
  return object;
}

template <class T>
Napi::Value to_js(Napi::Env env, const std::vector<T>& list) {
  auto array = Napi::Array::New(env, list.size());
  for (uint32_t i = 0; i < list.size(); i++) array.Set(i, to_js(env, list[i]));
  return array;
}

Napi::Value to_js(Napi::Env env, const DeviceReport& report) {
  auto object = Napi::Object::New(env);
  object["kind"] = report.kind;
  object["driver"] = report.driver;
  object["whyNone"] = report.why_none;
  object["devices"] = to_js(env, report.devices);
  object["libraries"] = to_js(env, report.libraries);
  return object;
}

[[noreturn]] void raise(Environment& environment, const Failure& failure) {
  const Napi::Env env = environment.env;
  const Napi::Value error = environment.make_error.Call({
      Napi::String::New(env, failure.code),
      Napi::String::New(env, failure.where),
      Napi::String::New(env, failure.expected),
      Napi::String::New(env, failure.got),
      Napi::String::New(env, failure.hint),
  });
  throw Napi::Error(env, error);
}

template <class Argument>
constexpr bool takes_buffer = std::is_base_of_v<Buffer, Argument> || std::is_same_v<Argument, NeuronForwardArguments> ||
                              std::is_same_v<Argument, OptimizerStepArguments> ||
                              std::is_same_v<Argument, NeuronBackwardArguments>;
template <class... Arguments>
constexpr bool takes_buffers = (takes_buffer<Arguments> || ...);

// Calls `function` with the arguments converted to the types it declares.
template <class Result, class... Arguments, size_t... index>
Napi::Value invoke(Result (*function)(Environment&, Arguments...), Environment& environment, const Napi::CallbackInfo& info,
                   [[maybe_unused]] const char* name, std::index_sequence<index...>) {
  const DeviceKernels* device = nullptr;
  if (Devices::opened() && takes_buffers<Arguments...>) {
    Buffers& buffers = environment.buffers;
    buffers.begin_noting();
    try {
      [[maybe_unused]] const std::tuple<Arguments...> noted{From<Arguments>::read(Incoming{environment, info[index], name, index})...};
    } catch (...) {
      buffers.abandon_noting();
      throw;
    }
    device = Devices::at(buffers.end_noting(std::string_view(name) == "copy"));
  }
  const OnDevice on(device);
  // Braces make the order of evaluation that of the arguments.
  std::tuple<Arguments...> arguments{From<Arguments>::read(Incoming{environment, info[index], name, index})...};
  if constexpr (std::is_void_v<Result>) {
    function(environment, std::move(std::get<index>(arguments))...);
    return info.Env().Undefined();
  } else {
    return to_js(info.Env(), function(environment, std::move(std::get<index>(arguments))...));
  }
}

template <class Result, class... Arguments>
Napi::Value invoke(Result (*function)(Environment&, Arguments...), Environment& environment, const Napi::CallbackInfo& info,
                   const char* name) {
  return invoke(function, environment, info, name, std::index_sequence_for<Arguments...>{});
}

template <auto function>
Napi::Value entry(const Napi::CallbackInfo& info) {
  auto& environment = *info.Env().GetInstanceData<Environment>();
  const auto* name = static_cast<const char*>(info.Data());
  try {
    const SignalsHeld held;
    return invoke(function, environment, info, name);
  } catch (const Failure& failure) {
    raise(environment, failure);
  } catch (const dnnl::error& error) {
    raise(environment, {"NATIVE", name, "oneDNN to do this", error.what(), "Report it with the shapes that were given."});
  } catch (const std::bad_alloc&) {
    raise(environment, {"NATIVE", name, "memory for its own use", "a refusal of the system", "Use a smaller batch."});
  }
}

template <auto function>
void add(Napi::Object& core, const char* name) {
  core.Set(name, Napi::Function::New<entry<function>>(core.Env(), name, const_cast<char*>(name)));
}

Napi::Object make_core(Napi::Env env) {
  auto core = Napi::Object::New(env);
  add<memory::alloc>(core, "alloc");
  add<memory::release>(core, "release");
  add<memory::byte_length>(core, "byteLength");
  add<memory::write>(core, "write");
  add<memory::read>(core, "read");
  add<memory::copy>(core, "copy");
  add<memory::stats>(core, "memoryStats");
  add<memory::reset_peak>(core, "resetPeak");
  add<memory::trim_cache>(core, "trimCache");
  add<info::describe>(core, "info");
  add<info::set_threads>(core, "setThreads");
  add<info::set_precision>(core, "setPrecision");
  add<devices::open>(core, "openDevices");
  add<devices::use>(core, "setDevice");
  add<devices::alloc_on>(core, "allocOn");
  add<devices::device_of>(core, "deviceOf");
  add<devices::synchronize>(core, "synchronize");
  add<devices::memory>(core, "deviceMemory");
  add<devices::begin_capture>(core, "beginCapture");
  add<devices::end_capture>(core, "endCapture");
  add<devices::abort_capture>(core, "abortCapture");
  add<devices::replay>(core, "replay");
  add<devices::forget>(core, "forget");
  add<elements::fill>(core, "fill");
  add<elements::unary>(core, "unary");
  add<elements::binary>(core, "binary");
  add<elements::binary_scalar>(core, "binaryScalar");
  add<elements::binary_broadcast>(core, "binaryBroadcast");
  add<elements::axpy>(core, "axpy");
  add<elements::clamp_grad>(core, "clampGrad");
  add<elements::clamp>(core, "clamp");
  add<elements::convert>(core, "convert");
  add<moves::permute>(core, "permute");
  add<moves::copy_strided>(core, "copyStrided");
  add<reductions::reduce>(core, "reduce");
  add<reductions::count_different>(core, "countDifferent");
  add<reductions::count_non_finite>(core, "countNonFinite");
  add<linear::matmul>(core, "matmul");
  add<linear::forward>(core, "linearForward");
  add<conv::forward>(core, "convForward");
  add<conv::forward_events>(core, "convEvents");
  add<conv::backward_data>(core, "convBackwardData");
  add<conv::backward_weights>(core, "convBackwardWeights");
  add<pool::forward>(core, "poolForward");
  add<pool::backward>(core, "poolBackward");
  add<batch_norm::train>(core, "batchNormTrain");
  add<batch_norm::infer>(core, "batchNormInfer");
  add<batch_norm::channel_affine>(core, "channelAffine");
  add<batch_norm::backward>(core, "batchNormBackward");
  add<loss::softmax_cross_entropy>(core, "softmaxCrossEntropy");
  add<neurons::forward>(core, "neuronForward");
  add<neurons::backward>(core, "neuronBackward");
  add<neurons::surrogate_grad>(core, "surrogateGrad");
  add<devices::compile_neuron>(core, "compileNeuron");
  add<optimizers::step>(core, "optimizerStep");
  add<optimizers::sgd>(core, "sgdStep");
  add<optimizers::adam>(core, "adamStep");
  add<reductions::sum_squares>(core, "sumSquares");
  add<random::uniform>(core, "randomUniform");
  add<random::normal>(core, "randomNormal");
  add<random::bernoulli>(core, "randomBernoulli");
  return core;
}

// open(makeError) => core. Called once for each JavaScript thread, by load.ts.
Napi::Value open(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto* environment = env.GetInstanceData<Environment>();
  if (environment == nullptr) {
    environment = new Environment(env);
    env.SetInstanceData(environment);
  }
  environment->make_error = Napi::Persistent(info[0].As<Napi::Function>());
  return make_core(env);
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  exports.Set("open", Napi::Function::New<open>(env, "open"));
  return exports;
}

}  // namespace
}  // namespace spikeship

static Napi::Object spikeship_initialise(Napi::Env env, Napi::Object exports) { return spikeship::initialise(env, exports); }

NODE_API_MODULE(spikeship, spikeship_initialise)
