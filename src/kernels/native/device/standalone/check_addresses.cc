// Arrays that begin at any address of a number: kernels read and write several numbers at once where addresses allow it, so each is
// called with arrays that begin 0 to 3 numbers after such an address. Results must not differ in a bit, nor must a neighbour be touched.
#include <algorithm>
#include <cstring>

#include "program.h"

namespace spikeship::standalone {
namespace {

constexpr float untouched = 12345.0f;
constexpr size_t margin = 4;

// An array that begins `shift` numbers after an address that every width divides.
class Shifted {
 public:
  Shifted(const DeviceKernels& device, size_t shift, const std::vector<float>& values)
      : shift_(shift), count_(values.size()), array_(device, framed(shift, values)) {}

  float* data() const { return array_.data() + shift_; }
  int32_t* integers() const { return reinterpret_cast<int32_t*>(data()); }
  // The content, and behind it whatever of the frame was touched.
  std::vector<float> read() const {
    const std::vector<float> all = array_.read();
    const auto first = all.begin() + static_cast<std::ptrdiff_t>(shift_);
    const auto end = first + static_cast<std::ptrdiff_t>(count_);
    std::vector<float> content(first, end);
    const auto touched = [](float value) { return value != untouched; };
    std::copy_if(all.begin(), first, std::back_inserter(content), touched);
    std::copy_if(end, all.end(), std::back_inserter(content), touched);
    return content;
  }

 private:
  static std::vector<float> framed(size_t shift, const std::vector<float>& values) {
    std::vector<float> all(shift + values.size() + margin, untouched);
    std::copy(values.begin(), values.end(), all.begin() + static_cast<std::ptrdiff_t>(shift));
    return all;
  }
  size_t shift_, count_;
  DeviceArray<float> array_;
};

// Inputs and outputs of one call: `array(values)` makes one, all of the same shift.
struct Arrays {
  const DeviceKernels& device;
  size_t shift;
  Shifted operator()(const std::vector<float>& values) const { return Shifted(device, shift, values); }
  Shifted room(size_t count) const { return Shifted(device, shift, std::vector<float>(count, -1.0f)); }
};

using Results = std::vector<std::vector<float>>;

void check(const DeviceKernels& device, Report& report, const std::string& title, const std::function<Results(const Arrays&)>& call) {
  report.check(title + " of arrays at any address", [&]() -> std::string {
    const Results expected = call({device, 0});
    for (size_t shift = 1; shift < 4; shift++) {
      const Results got = call({device, shift});
      for (size_t array = 0; array < expected.size(); array++) {
        const std::string wrong = difference(got[array], expected[array]);
        if (!wrong.empty()) return "array " + std::to_string(array) + ", " + std::to_string(shift) + " numbers further: " + wrong;
      }
    }
    return "";
  });
}

void check_elements(const DeviceKernels& device, Report& report) {
  const size_t count = 1027;
  const auto a = noise(count, 1), b = noise(count, 2);
  check(device, report, "element operations", [&](const Arrays& array) -> Results {
    const Shifted x = array(a), y = array(b), out = array.room(count), filled = array.room(count), row = array(noise(8, 3));
    device.unary(UnaryOp::tanh, x.data(), out.data(), count);
    device.binary(BinaryOp::mul, out.data(), y.data(), out.data(), count, ActivationType::float32);
    device.axpy(0.5f, x.data(), out.data(), count);
    device.fill(filled.data(), count, 3.0f, ActivationType::float32);
    Broadcast plan{};
    plan.axes = 1;
    plan.shape[0] = 128;
    plan.a_stride[0] = 8;
    plan.inner = 8;
    plan.a_inner_stride = plan.b_inner_stride = 1;
    device.binary_broadcast(BinaryOp::add, x.data(), row.data(), filled.data(), plan);
    return {out.read(), filled.read()};
  });
  check(device, report, "conversions", [&](const Arrays& array) -> Results {
    const Shifted x = array(a), halves = array.room((count + 1) / 2), whole = array.room(count), back = array.room(count);
    device.convert(0, x.data(), 1, halves.data(), count);
    device.convert(1, halves.data(), 2, whole.data(), count);
    device.convert(2, whole.data(), 0, back.data(), count);
    return {back.read()};
  });
}

// Numbers of 16 bits: converted at shifted addresses, computed with, and converted back. `shift` counts in floats, so that twice as many
// halves lie before them.
void check_halves(const DeviceKernels& device, ActivationType type, Report& report) {
  const size_t rows = 131, channels = 8, count = rows * channels;
  const size_t id = element_type(type), half_room = (count + 1) / 2;
  const std::string name = type == ActivationType::float16 ? "float16" : "bfloat16";
  check(device, report, "batch norm and sums in " + name, [&](const Arrays& array) -> Results {
    const Shifted x = array(noise(count, 21)), weight = array(noise(channels, 22));
    const Shifted half = array.room(half_room), out = array.room(half_room), sum = array.room(half_room), back = array.room(count);
    const Shifted mean = array.room(channels), variance = array.room(channels), affine = array.room(2 * channels), sums = array.room(channels);
    device.convert(0, x.data(), id, half.data(), count);
    device.batch_norm_train({rows, channels, 1e-5}, half.data(), weight.data(), nullptr, mean.data(), variance.data(), affine.data(), type);
    // statistics depend on the order of their sums; what follows from given ones does not
    device.fill(affine.data(), channels, 2.0f, ActivationType::float32);
    device.fill(affine.data() + channels, channels, -1.0f, ActivationType::float32);
    device.channel_affine(rows, channels, half.data(), affine.data(), out.data(), type);
    device.binary(BinaryOp::mul, half.data(), out.data(), sum.data(), count, type);
    device.reduce(ReduceOp::max, sum.data(), 1, rows, channels, sums.data(), type);
    device.convert(id, sum.data(), 0, back.data(), count);
    return {back.read(), sums.read()};
  });
}

void check_moves(const DeviceKernels& device, Report& report) {
  for (const size_t inner : {1, 8}) {
    const size_t outer = 24, columns = 40;
    check(device, report, "permutation in runs of " + std::to_string(inner), [&](const Arrays& array) -> Results {
      const Shifted x = array(noise(outer * columns * inner, 4)), out = array.room(outer * columns * inner);
      PermutePlan plan{inner == 1 ? size_t{2} : size_t{3}, outer * columns * inner, sizeof(float), {}, {}};
      const size_t size[] = {columns, outer, inner}, stride[] = {inner, columns * inner, 1};
      std::copy_n(size, plan.axes, plan.size);
      std::copy_n(stride, plan.axes, plan.stride);
      device.permute(plan, x.data(), out.data());
      return {out.read()};
    });
  }
}

void check_reductions(const DeviceKernels& device, Report& report) {
  const size_t count = 5003;
  const auto values = noise(count, 5);
  check(device, report, "reductions", [&](const Arrays& array) -> Results {
    const Shifted x = array(values), sums = array.room(3);
    device.reduce(ReduceOp::sum, x.data(), 1, count / 3, 3, sums.data(), ActivationType::float32);
    const auto squares = static_cast<float>(device.sum_squares(x.data(), count));
    const auto odd = static_cast<float>(device.count_non_finite(x.data(), count));
    return {sums.read(), {squares, odd}};
  });
}

void check_layers(const DeviceKernels& device, Report& report) {
  const BatchNormShape shape{700, 8, 1e-5};
  const size_t count = shape.rows * shape.channels;
  check(device, report, "batch norm", [&](const Arrays& array) -> Results {
    const Shifted x = array(noise(count, 6)), grad = array(noise(count, 7)), weight = array(noise(8, 8));
    const Shifted y = array.room(count), mean = array.room(8), variance = array.room(8), affine = array.room(16);
    const Shifted grad_x = array.room(count), grad_weight = array.room(8), grad_bias = array.room(8);
    device.batch_norm_train(shape, x.data(), weight.data(), nullptr, mean.data(), variance.data(), affine.data(), ActivationType::float32);
    device.channel_affine(shape.rows, shape.channels, x.data(), affine.data(), y.data(), ActivationType::float32);
    device.batch_norm_backward(true, shape, x.data(), grad.data(), mean.data(), variance.data(), weight.data(), grad_x.data(),
                               grad_weight.data(), grad_bias.data(), ActivationType::float32);
    // Sums meet in another order where four channels do not share a thread.
    const auto rounded = [](std::vector<float> numbers) {
      for (float& number : numbers) number = std::round(number * 1e3f);
      return numbers;
    };
    return {rounded(y.read()), rounded(mean.read()), rounded(variance.read()), rounded(grad_x.read()), rounded(grad_weight.read()),
            rounded(grad_bias.read())};
  });
  PoolSpec spec{};
  spec.axes = 2;
  for (size_t axis = 0; axis < 3; axis++) {
    spec.input[axis] = axis == 0 ? 1 : 130;
    spec.kernel[axis] = spec.stride[axis] = axis == 0 ? 1 : 2;
    spec.dilation[axis] = 1;
    spec.output[axis] = axis == 0 ? 1 : 65;
  }
  spec.batch = 1;
  spec.channels = 128;  // half a million results, from which on a thread takes four channels
  check(device, report, "max pool", [&](const Arrays& array) -> Results {
    const size_t results = size_t{65} * 65 * 128, inputs = size_t{130} * 130 * 128;
    const Shifted x = array(noise(inputs, 9)), y = array.room(results), indices = array.room(results), grad_x = array.room(inputs);
    device.pool_forward(PoolOp::max, spec, x.data(), y.data(), indices.integers(), ActivationType::float32);
    device.pool_backward(PoolOp::max, spec, y.data(), indices.integers(), grad_x.data(), ActivationType::float32);
    return {y.read(), grad_x.read()};
  });
}

void check_training(const DeviceKernels& device, Report& report) {
  const size_t count = 517;
  check(device, report, "optimizer steps", [&](const Arrays& array) -> Results {
    const Shifted param = array(noise(count, 10)), grad = array(noise(count, 11)), mean = array(noise(count, 12));
    const Shifted variance = array(noise(count, 13, 0.0f, 1.0f));
    device.sgd_step(param.data(), grad.data(), mean.data(), count, {0.1, 0.9, 0.0, 0.01, true, false}, {});
    device.adam_step(param.data(), grad.data(), mean.data(), variance.data(), count, {0.001, 0.9, 0.999, 1e-8, 0.01, true, 3}, {});
    return {param.read(), mean.read(), variance.read()};
  });
  check(device, report, "optimizer step of all parameters", [&](const Arrays& array) -> Results {
    const Shifted param = array(noise(count, 10)), grad = array(noise(count, 11)), mean = array(noise(count, 12));
    const Shifted variance = array(noise(count, 13, 0.0f, 1.0f));
    const StepControl begin{1.0f, running, 0, 0.001, 0};
    std::vector<uint8_t> bytes(StepControl::bytes(1));
    std::memcpy(bytes.data(), &begin, sizeof begin);
    const DeviceArray<uint8_t> control(device, bytes);
    const StepRules rules{OptimizerKind::adam, 0, 0, false, 0.9, 0.999, 1e-8, true, Clip::norm, 0.5, true};
    device.optimizer_step({rules, {{param.data(), grad.data(), mean.data(), variance.data(), count, 0, 1.0, 0.01}},
                           reinterpret_cast<StepControl*>(control.data()), nullptr});
    return {param.read(), mean.read(), variance.read()};
  });
  check(device, report, "random numbers", [&](const Arrays& array) -> Results {
    const Shifted uniform = array.room(count), normal = array.room(count), bernoulli = array.room(count);
    device.random_uniform({1, 2, 3}, uniform.data(), count);
    device.random_normal({1, 2, 3}, normal.data(), count);
    device.random_bernoulli({1, 2, 4}, uniform.data(), bernoulli.data(), count);
    return {uniform.read(), normal.read(), bernoulli.read()};
  });
}

}  // namespace

void check_addresses(const DeviceKernels& device, Report& report) {
  check_elements(device, report);
  for (const ActivationType type : {ActivationType::float16, ActivationType::bfloat16}) check_halves(device, type, report);
  check_moves(device, report);
  check_reductions(device, report);
  check_layers(device, report);
  check_training(device, report);
}

}  // namespace spikeship::standalone
