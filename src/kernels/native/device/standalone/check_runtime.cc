// What is a device's own and no kernel's: memory, uploads in pieces, and steps that are recorded and replayed. Without Node nothing else
// comes this way.
#include "program.h"

#include "../../failure.h"

namespace spikeship::standalone {
namespace {

// Empty where `body` is refused by `where`.
std::string refusal(const std::string& where, const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.where == where ? "" : failure.where + " refused it, expected " + where;
  }
  return "nothing refused it, expected " + where;
}

// A kernel still runs, and its result comes back.
std::string still_works(const DeviceKernels& device) {
  const DeviceArray<float> x(device, 1000);
  device.fill(x.data(), 1000, 3.0f, ActivationType::float32);
  return difference(x.read(), std::vector<float>(1000, 3.0f));
}

void check_memory(const DeviceKernels& device, Report& report) {
  report.check("uploads of many pieces, in order with the kernels", [&] {
    const size_t count = (size_t{80} << 20) / sizeof(float) + 3;
    const auto a = noise(count, 1), b = noise(count, 2);
    const DeviceArray<float> x(device, a), y(device, b);
    device.binary(BinaryOp::add, x.data(), y.data(), y.data(), count, ActivationType::float32);
    // Over what the kernel reads, which it must have read by then.
    device.upload(x.data(), b.data(), count * sizeof(float));
    std::vector<float> expected(count);
    for (size_t i = 0; i < count; i++) expected[i] = a[i] + b[i];
    return difference(y.read(), expected) + difference(x.read(), b);
  });
  report.check("memory that there is not", [&] {
    return refusal("device memory", [&] { device.allocate(size_t{1} << 46); }) + still_works(device);
  });
  report.check("memory given back", [&] {
    device.trim();
    return still_works(device);
  });
}

// A linear layer with its bias, a convolution, a loss and gradients of both.
struct Step {
  static constexpr size_t rows = 96, features = 64, classes = 32;
  const DeviceKernels& device;
  ConvSpec spec{};
  DeviceArray<float> x, weight, bias, kernel, images, y, loss, grad, grad_weight, grad_kernel;
  DeviceArray<int32_t> labels;

  explicit Step(const DeviceKernels& device)
      : device(device), x(device, noise(rows * features, 1)), weight(device, noise(classes * features, 2)), bias(device, noise(classes, 3)),
        kernel(device, noise(16 * 16 * 9, 4)), images(device, rows * features), y(device, rows * classes), loss(device, 1),
        grad(device, rows * classes), grad_weight(device, classes * features), grad_kernel(device, 16 * 16 * 9),
        labels(device, std::vector<int32_t>(rows, 5)) {
    spec.axes = 2;
    spec.batch = rows * features / (16 * 2 * 2);
    spec.in_channels = spec.out_channels = 16;
    spec.groups = 1;
    for (size_t axis = 0; axis < 3; axis++) {
      spec.input[axis] = spec.output[axis] = axis == 0 ? 1 : 2;
      spec.kernel[axis] = axis == 0 ? 1 : 3;
      spec.padding[axis] = axis == 0 ? 0 : 1;
      spec.stride[axis] = spec.dilation[axis] = 1;
    }
  }

  void run() const {
    device.conv_forward(spec, x.data(), kernel.data(), nullptr, images.data(), ActivationType::float32);
    device.unary(UnaryOp::tanh, images.data(), images.data(), rows * features);
    device.linear_forward(rows, features, classes, images.data(), weight.data(), bias.data(), y.data(), ActivationType::float32);
    device.cross_entropy(rows, classes, y.data(), labels.data(), loss.data(), grad.data());
    device.matmul(true, false, classes, features, rows, grad.data(), images.data(), grad_weight.data(), false, {});
    device.matmul(false, false, rows, features, classes, grad.data(), weight.data(), images.data(), false, {});
    device.conv_backward_weights(spec, x.data(), images.data(), grad_kernel.data(), nullptr, ActivationType::float32);
  }

  std::vector<std::vector<float>> results() const { return {loss.read(), grad_weight.read(), grad_kernel.read()}; }
};

uint64_t recorded(const Step& step) {
  step.device.begin_capture();
  try {
    step.run();
  } catch (...) {
    step.device.abort_capture();
    throw;
  }
  return step.device.end_capture();
}

std::string replays(const DeviceKernels& device) {
  const Step step(device);
  step.run();  // libraries choose how to compute these sizes
  const uint64_t graph = recorded(step);
  std::string wrong;
  for (uint32_t seed = 10; seed < 13 && wrong.empty(); seed++) {
    const auto x = noise(Step::rows * Step::features, seed);
    device.upload(step.x.data(), x.data(), x.size() * sizeof(float));
    step.run();
    const auto expected = step.results();
    device.fill(step.grad_weight.data(), Step::classes * Step::features, 0.0f, ActivationType::float32);
    device.fill(step.grad_kernel.data(), 16 * 16 * 9, 0.0f, ActivationType::float32);
    device.replay(graph);
    const auto got = step.results();
    for (size_t i = 0; i < expected.size(); i++) wrong += difference(got[i], expected[i]);
  }
  device.forget(graph);
  return wrong;
}

void check_recording(const DeviceKernels& device, Report& report) {
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const std::string name = precision == Precision::float32 ? "" : " with bfloat16 factors";
    report.check("a recorded step, replayed on other numbers" + name, [&] {
      device.set_precision(precision);
      const std::string wrong = replays(device);
      device.set_precision(Precision::float32);
      return wrong;
    });
    device.set_precision(Precision::float32);
  }
  report.check("what cannot be recorded", [&] {
    const DeviceArray<float> x(device, 1000);
    const std::vector<float> numbers(1000);
    device.begin_capture();
    device.fill(x.data(), 1000, 1.0f, ActivationType::float32);
    const std::string wrong = refusal("upload", [&] { device.upload(x.data(), numbers.data(), 4000); });
    device.abort_capture();
    return wrong + still_works(device);
  });
}

}  // namespace

void check_runtime(const DeviceKernels& device, Report& report) {
  check_memory(device, report);
  check_recording(device, report);
}

}  // namespace spikeship::standalone
