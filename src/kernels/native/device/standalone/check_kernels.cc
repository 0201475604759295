// Element operations, moves, reductions, pools, norms, optimizers and random numbers against the CPU's kernels and plain loops.
#include <algorithm>
#include <cstring>

#include "../../optimizer_kernels.h"
#include "../../random_kernels.h"
#include "program.h"

namespace spikeship::standalone {
namespace {

// Sizes around vector widths and blocks.
constexpr size_t sizes[] = {1, 3, 4, 31, 257, 1000, 70001};

constexpr const char* unary_names[] = {"neg",  "exp",   "log",   "sqrt",       "abs",           "sign",       "sigmoid", "tanh",
                                       "relu", "floor", "trunc", "round_even", "round_float16", "reciprocal", "square",  "is_finite"};
constexpr const char* binary_names[] = {"add", "sub", "mul", "div", "max", "min", "greater_equal", "greater", "equal"};

std::vector<float> unusual(size_t count, uint32_t seed) {
  std::vector<float> values = noise(count, seed, -4.0f, 4.0f);
  const float special[] = {0.0f, -0.0f, INFINITY, -INFINITY, NAN, 1e-40f, 65519.0f, 3e38f};
  for (size_t i = 0; i < std::min<size_t>(count, 8); i++) values[count - 1 - i] = special[i];
  return values;
}

void check_elements(const DeviceKernels& device, Report& report) {
  for (const size_t count : sizes) {
    const auto a = unusual(count, 1), b = unusual(count, 2);
    const DeviceArray<float> da(device, a), db(device, b), out(device, count);
    std::vector<float> expected(count);
    const std::string suffix = " of " + std::to_string(count);
    for (size_t op = 0; op < std::size(unary_names); op++) {
      report.check(unary_names[op] + suffix, [&] {
        device.unary(static_cast<UnaryOp>(op), da.data(), out.data(), count);
        baseline::unary(static_cast<UnaryOp>(op), a.data(), expected.data(), count);
        return difference(out.read(), expected);
      });
    }
    for (size_t op = 0; op < std::size(binary_names); op++) {
      report.check(binary_names[op] + suffix, [&] {
        device.binary(static_cast<BinaryOp>(op), da.data(), db.data(), out.data(), count, ActivationType::float32);
        baseline::binary(static_cast<BinaryOp>(op), a.data(), b.data(), expected.data(), count);
        return difference(out.read(), expected);
      });
      report.check(std::string(binary_names[op]) + " with a number" + suffix, [&] {
        device.binary_scalar(static_cast<BinaryOp>(op), da.data(), 0.7f, true, out.data(), count);
        baseline::binary_scalar(static_cast<BinaryOp>(op), a.data(), 0.7f, true, expected.data(), count);
        return difference(out.read(), expected);
      });
    }
    report.check("clamp" + suffix, [&] {
      device.clamp(da.data(), -0.5f, 0.5f, out.data(), count);
      baseline::clamp(a.data(), -0.5f, 0.5f, expected.data(), count);
      return difference(out.read(), expected);
    });
    report.check("axpy" + suffix, [&] {
      const DeviceArray<float> y(device, b);
      expected = b;
      device.axpy(0.3f, da.data(), y.data(), count);
      baseline::axpy(0.3f, a.data(), expected.data(), count);
      return difference(y.read(), expected);
    });
  }
}

void check_reductions(const DeviceKernels& device, Report& report) {
  for (const size_t inner : {1, 3, 64, 1025}) {
    const size_t outer = 3, axis = 517;
    const auto x = noise(outer * axis * inner, 3);
    const DeviceArray<float> dx(device, x), out(device, outer * inner);
    std::vector<float> sums(outer * inner), largest(outer * inner, -INFINITY);
    for (size_t i = 0; i < sums.size(); i++) {
      double sum = 0;
      for (size_t k = 0; k < axis; k++) {
        const float value = x[(i / inner * axis + k) * inner + i % inner];
        sum += static_cast<double>(value);
        largest[i] = std::max(largest[i], value);
      }
      sums[i] = static_cast<float>(sum);
    }
    const std::string suffix = " over 517 of rows of " + std::to_string(inner);
    report.check("sum" + suffix, [&] {
      device.reduce(ReduceOp::sum, dx.data(), outer, axis, inner, out.data(), ActivationType::float32);
      // Double precision in another order: the last place at most.
      return distance(out.read(), sums, 1e-7);
    });
    report.check("max" + suffix, [&] {
      device.reduce(ReduceOp::max, dx.data(), outer, axis, inner, out.data(), ActivationType::float32);
      return difference(out.read(), largest);
    });
  }
  for (const size_t count : sizes) {
    report.check("count_different of " + std::to_string(count), [&]() -> std::string {
      auto a = noise(count, 4), b = a;
      b[count / 2] += 1.0f;
      b[count - 1] += 1.0f;
      const DeviceArray<float> da(device, a), db(device, b);
      const Difference found = device.count_different(da.data(), db.data(), count);
      const double wanted = count / 2 == count - 1 ? 1 : 2;
      return found.different == wanted && found.first == static_cast<double>(count / 2) ? "" : "counted " + std::to_string(found.different);
    });
    report.check("sum_squares of " + std::to_string(count), [&]() -> std::string {
      const auto a = noise(count, 5);
      double sum = 0;
      for (const float value : a) sum += static_cast<double>(value) * static_cast<double>(value);
      const double got = device.sum_squares(DeviceArray<float>(device, a).data(), count);
      return std::fabs(got - sum) <= 1e-12 * sum ? "" : std::to_string(got) + ", expected " + std::to_string(sum);
    });
  }
}

void check_pools(const DeviceKernels& device, Report& report) {
  PoolSpec spec{};
  spec.axes = 2;
  const size_t input[] = {1, 9, 7}, kernel[] = {1, 3, 2}, stride[] = {1, 2, 2}, padding[] = {0, 1, 0}, output[] = {1, 5, 3};
  for (size_t axis = 0; axis < 3; axis++) {
    spec.input[axis] = input[axis];
    spec.kernel[axis] = kernel[axis];
    spec.stride[axis] = stride[axis];
    spec.padding[axis] = padding[axis];
    spec.dilation[axis] = 1;
    spec.output[axis] = output[axis];
  }
  spec.batch = 3;
  spec.channels = 5;
  spec.count_include_pad = true;
  const size_t points = 9 * 7, results = 5 * 3;
  const auto x = noise(spec.batch * points * spec.channels, 6);
  const DeviceArray<float> dx(device, x), y(device, spec.batch * results * spec.channels);
  for (const PoolOp op : {PoolOp::max, PoolOp::sum}) {
    report.check(op == PoolOp::max ? "max pool" : "sum pool", [&] {
      device.pool_forward(op, spec, dx.data(), y.data(), nullptr, ActivationType::float32);
      std::vector<float> expected(spec.batch * results * spec.channels);
      for (size_t i = 0; i < expected.size(); i++) {
        const size_t c = i % spec.channels, column = i / spec.channels % 3, row = i / spec.channels / 3 % 5, n = i / spec.channels / results;
        float best = -INFINITY;
        float sum = 0;
        for (size_t ky = 0; ky < 3; ky++) {
          for (size_t kx = 0; kx < 2; kx++) {
            const size_t py = row * 2 + ky, px = column * 2 + kx;
            if (py < 1 || py > 9 || px >= 7) continue;
            const float value = x[((n * 9 + py - 1) * 7 + px) * spec.channels + c];
            best = std::max(best, value);
            sum += value;
          }
        }
        expected[i] = op == PoolOp::max ? best : sum;
      }
      return distance(y.read(), expected, 1e-6);
    });
  }
}

void check_norms(const DeviceKernels& device, Report& report) {
  for (const size_t channels : {1, 3, 32, 130}) {
    const BatchNormShape shape{513, channels, 1e-5};
    const auto x = noise(shape.rows * channels, 7, 90.0f, 110.0f);
    const DeviceArray<float> dx(device, x), y(device, x.size()), mean(device, channels), variance(device, channels);
    const DeviceArray<float> affine(device, 2 * channels);
    std::vector<float> expected(x.size());
    for (size_t c = 0; c < channels; c++) {
      double sum = 0, squares = 0;
      for (size_t row = 0; row < shape.rows; row++) sum += static_cast<double>(x[row * channels + c]);
      const double average = sum / static_cast<double>(shape.rows);
      for (size_t row = 0; row < shape.rows; row++) squares += std::pow(static_cast<double>(x[row * channels + c]) - average, 2);
      const double inverse = 1 / std::sqrt(squares / static_cast<double>(shape.rows) + shape.epsilon);
      for (size_t row = 0; row < shape.rows; row++) {
        expected[row * channels + c] = static_cast<float>((static_cast<double>(x[row * channels + c]) - average) * inverse);
      }
    }
    report.check("batch norm of " + std::to_string(channels) + " channels", [&] {
      device.batch_norm_train(shape, dx.data(), nullptr, nullptr, mean.data(), variance.data(), affine.data(), ActivationType::float32);
      device.channel_affine(shape.rows, channels, dx.data(), affine.data(), y.data(), ActivationType::float32);
      // One multiplication and one addition of float32 numbers of size 17.
      return distance(y.read(), expected, 1e-5);
    });
  }
}

void check_training(const DeviceKernels& device, Report& report) {
  const size_t count = 10007;
  const auto param = noise(count, 8), grad = noise(count, 9), momentum = noise(count, 10), second = noise(count, 11, 0.0f, 1.0f);
  report.check("sgd_step", [&] {
    const SgdOptions options{0.1, 0.9, 0.0, 0.01, true, false};
    const DeviceArray<float> p(device, param), g(device, grad), m(device, momentum);
    auto expected = param, expected_momentum = momentum;
    device.sgd_step(p.data(), g.data(), m.data(), count, options, {});
    baseline::sgd_step(expected.data(), grad.data(), expected_momentum.data(), count, options, {});
    return difference(p.read(), expected) + difference(m.read(), expected_momentum);
  });
  report.check("adam_step", [&] {
    const AdamOptions options{0.001, 0.9, 0.999, 1e-8, 0.01, true, 3};
    const DeviceArray<float> p(device, param), g(device, grad), m(device, momentum), v(device, second);
    auto expected = param, first = momentum, squares = second;
    device.adam_step(p.data(), g.data(), m.data(), v.data(), count, options, {});
    baseline::adam_step(expected.data(), grad.data(), first.data(), squares.data(), count, options, {});
    return difference(p.read(), expected);
  });
  report.check("optimizer_step", [&] {
    // momentum, and a norm beyond the limit; all but the order of the sum of squares is the CPU's
    const StepRules rules{OptimizerKind::sgd, 0.9, 0.0, false, 0, 0, 0, false, Clip::norm, 0.5, true};
    constexpr double rate = 0.1, decay = 0.01;
    const float scale = 4.0f;
    double squares = 0;
    for (const float g : grad) squares += static_cast<double>(g / scale) * static_cast<double>(g / scale);
    const DeviceArray<float> p(device, param), g(device, grad), m(device, momentum);
    StepControl begin{scale, running, 1999, rate, 0};
    std::vector<uint8_t> bytes(StepControl::bytes(1));
    std::memcpy(bytes.data(), &begin, sizeof begin);
    const DeviceArray<uint8_t> control(device, bytes);
    device.optimizer_step({rules, {{p.data(), g.data(), m.data(), nullptr, count, 0, 1.0, decay}},
                           reinterpret_cast<StepControl*>(control.data()), nullptr});
    auto expected = param, expected_momentum = momentum;
    const GradientChange change{1.0f / scale, INFINITY, static_cast<float>(0.5 / (std::sqrt(squares) + 1e-6))};
    baseline::sgd_step(expected.data(), grad.data(), expected_momentum.data(), count, {rate, 0.9, 0.0, decay, false, true}, change);
    const auto after = control.read();
    StepControl left;
    double steps = 0;
    std::memcpy(&left, after.data(), sizeof left);
    std::memcpy(&steps, after.data() + sizeof left, sizeof steps);
    if (left.scale != 2 * scale || left.good_steps != 0 || left.halted != running || steps != 1) return std::string("a wrong control");
    return difference(p.read(), expected) + difference(m.read(), expected_momentum);
  });
  const RandomPlace place{42, 7, 12345678901};
  std::vector<float> expected(count);
  const DeviceArray<float> out(device, count), chance(device, noise(count, 12, 0.0f, 1.0f));
  report.check("random_uniform", [&] {
    device.random_uniform(place, out.data(), count);
    baseline::random_uniform(place, expected.data(), count);
    return difference(out.read(), expected);
  });
  report.check("random_normal", [&] {
    device.random_normal(place, out.data(), count);
    baseline::random_normal(place, expected.data(), count);
    return difference(out.read(), expected);
  });
  report.check("random_bernoulli", [&] {
    device.random_bernoulli(place, chance.data(), out.data(), count);
    baseline::random_bernoulli(place, noise(count, 12, 0.0f, 1.0f).data(), expected.data(), count);
    return difference(out.read(), expected);
  });
}

}  // namespace

void check_kernels(const DeviceKernels& device, Report& report) {
  check_elements(device, report);
  check_reductions(device, report);
  check_pools(device, report);
  check_norms(device, report);
  check_training(device, report);
}

}  // namespace spikeship::standalone
