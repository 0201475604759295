// Matrix products and convolutions against plain loops in double precision.
#include "program.h"

namespace spikeship::standalone {
namespace {

// Factors of at most 8 significant bits and few terms: every sum is exact, in any order and precision down to bfloat16 factors.
std::vector<float> whole(size_t count, uint32_t seed) {
  std::vector<float> values = noise(count, seed, -8.0f, 8.0f);
  for (float& value : values) value = std::floor(value);
  return values;
}

// What factors are rounded to, and how activations and their gradients are stored.
struct Rounding {
  const char* title;
  Precision precision;
  ActivationType stored;
};
constexpr Rounding roundings[] = {{"", Precision::float32, ActivationType::float32},
                                  {" of bfloat16", Precision::bfloat16, ActivationType::float32},
                                  {" of float16", Precision::float16, ActivationType::float32},
                                  {" stored in bfloat16", Precision::float32, ActivationType::bfloat16},
                                  {" stored in float16", Precision::float32, ActivationType::float16}};

// Floats on the device in the type of activations.
class Stored {
 public:
  Stored(const DeviceKernels& device, ActivationType type, size_t count)
      : device_(device), id_(element_type(type)), count_(count), numbers_(device, count * bytes_of(type)) {}
  Stored(const DeviceKernels& device, ActivationType type, const std::vector<float>& values) : Stored(device, type, values.size()) {
    const DeviceArray<float> floats(device, values);
    device.convert(0, floats.data(), id_, numbers_.data(), count_);
  }
  // `shift`: numbers to leave out.
  void* data(size_t shift = 0) const { return numbers_.data() + shift * (id_ == 0 ? 4 : 2); }
  std::vector<float> read() const {
    const DeviceArray<float> floats(device_, count_);
    device_.convert(id_, numbers_.data(), 0, floats.data(), count_);
    return floats.read();
  }

 private:
  const DeviceKernels& device_;
  size_t id_, count_;
  DeviceArray<uint8_t> numbers_;
};

// A result in 16 bits is rounded, with a bias sometimes twice: two halves of the last place of 8 or 11 bits.
std::string wrong(const Stored& got, const std::vector<float>& expected, ActivationType type) {
  if (type == ActivationType::float32) return difference(got.read(), expected);
  return distance(got.read(), expected, type == ActivationType::bfloat16 ? 1.0 / 128 : 1.0 / 1024);
}

// `shift`: numbers between an array's memory and its beginning.
void check_linear(const DeviceKernels& device, Report& report, const Rounding& rounding, size_t shift) {
  const size_t rows = 37, inputs = 65, outputs = 24;
  report.check(std::string("linear with bias") + rounding.title + ", " + std::to_string(shift) + " numbers further", [&] {
    const auto x = whole(shift + rows * inputs, 8), weight = whole(shift + outputs * inputs, 9), bias = whole(shift + outputs, 10);
    const Stored dx(device, rounding.stored, x), y(device, rounding.stored, rows * outputs);
    const DeviceArray<float> dw(device, weight), db(device, bias);
    std::vector<float> expected(rows * outputs);
    for (size_t i = 0; i < expected.size(); i++) {
      expected[i] = bias[shift + i % outputs];
      for (size_t k = 0; k < inputs; k++) expected[i] += x[shift + i / outputs * inputs + k] * weight[shift + i % outputs * inputs + k];
    }
    device.linear_forward(rows, inputs, outputs, dx.data(shift), dw.data() + shift, db.data() + shift, y.data(), rounding.stored);
    return wrong(y, expected, rounding.stored);
  });
}

void check_products(const DeviceKernels& device, Report& report, const Rounding& rounding) {
  for (const size_t shift : {0, 1, 2}) check_linear(device, report, rounding, shift);
  const size_t m = 37, n = 21, k = 65;
  const auto a = whole(m * k, 1), b = whole(k * n, 2);
  for (int transposed = 0; transposed < 4; transposed++) {
    const bool ta = (transposed & 1) != 0, tb = (transposed & 2) != 0;
    report.check(std::string("matmul") + rounding.title + ", transposed " + std::to_string(transposed), [&] {
      // as in a linear layer: the gradient of its weights from arrays of 16 bits, that of its input from floats
      const bool halves_in = ta;
      const auto in = halves_in ? rounding.stored : ActivationType::float32, out = halves_in ? ActivationType::float32 : rounding.stored;
      const Stored da(device, rounding.stored, a), db(device, in, b), c(device, out, whole(m * n, 3));
      std::vector<float> expected = whole(m * n, 3);
      for (size_t row = 0; row < m; row++) {
        for (size_t column = 0; column < n; column++) {
          for (size_t i = 0; i < k; i++) {
            expected[row * n + column] += (ta ? a[i * m + row] : a[row * k + i]) * (tb ? b[column * k + i] : b[i * n + column]);
          }
        }
      }
      device.matmul(ta, tb, m, n, k, da.data(), db.data(), c.data(), true, {rounding.stored, in, out});
      return wrong(c, expected, out);
    });
  }
}

struct Case {
  const char* title;
  size_t batch, in_channels, out_channels, groups, input[3], kernel[3], stride[3], padding[3], dilation[3];
};

constexpr Case cases[] = {
    {"3x3", 2, 8, 16, 1, {1, 9, 7}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {"3x3 of 64 channels", 2, 64, 64, 1, {1, 8, 8}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {"3x3 of one channel", 3, 1, 32, 1, {1, 28, 28}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {"1x1", 2, 16, 8, 1, {1, 5, 5}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}, {1, 1, 1}},
    {"strided, dilated", 2, 4, 6, 1, {1, 11, 13}, {1, 3, 2}, {1, 2, 3}, {0, 2, 1}, {1, 2, 1}},
    {"groups", 2, 12, 6, 3, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {"depthwise", 2, 8, 8, 8, {1, 6, 6}, {1, 3, 3}, {1, 1, 1}, {0, 1, 1}, {1, 1, 1}},
    {"one axis", 2, 3, 5, 1, {1, 1, 17}, {1, 1, 5}, {1, 1, 2}, {0, 0, 2}, {1, 1, 1}},
    {"three axes", 1, 3, 4, 1, {5, 6, 7}, {2, 3, 3}, {1, 2, 1}, {1, 1, 0}, {1, 1, 2}},
};

ConvSpec specification(const Case& given) {
  ConvSpec spec{};
  spec.axes = given.input[0] > 1 ? 3 : given.input[1] > 1 ? 2 : 1;
  spec.batch = given.batch;
  spec.in_channels = given.in_channels;
  spec.out_channels = given.out_channels;
  spec.groups = given.groups;
  for (size_t axis = 0; axis < 3; axis++) {
    spec.input[axis] = given.input[axis];
    spec.kernel[axis] = given.kernel[axis];
    spec.stride[axis] = given.stride[axis];
    spec.padding[axis] = given.padding[axis];
    spec.dilation[axis] = given.dilation[axis];
    const size_t reach = given.dilation[axis] * (given.kernel[axis] - 1) + 1;
    spec.output[axis] = (given.input[axis] + 2 * given.padding[axis] - reach) / given.stride[axis] + 1;
  }
  return spec;
}

size_t points(const size_t (&sizes)[3]) { return sizes[0] * sizes[1] * sizes[2]; }

// Calls `use(input index, weight index, output index)` for every product of the convolution.
template <class Use>
void each_product(const ConvSpec& s, Use use) {
  const size_t group_in = s.in_channels / s.groups, group_out = s.out_channels / s.groups, taps = points(s.kernel);
  for (size_t at = 0; at < s.batch * points(s.output); at++) {
    const size_t n = at / points(s.output);
    const size_t out[3] = {at / (s.output[2] * s.output[1]) % s.output[0], at / s.output[2] % s.output[1], at % s.output[2]};
    for (size_t tap = 0; tap < taps; tap++) {
      const size_t k[3] = {tap / (s.kernel[2] * s.kernel[1]), tap / s.kernel[2] % s.kernel[1], tap % s.kernel[2]};
      size_t place = n;
      bool inside = true;
      for (size_t axis = 0; axis < 3; axis++) {
        const size_t position = out[axis] * s.stride[axis] + k[axis] * s.dilation[axis];
        inside = inside && position >= s.padding[axis] && position < s.padding[axis] + s.input[axis];
        place = place * s.input[axis] + position - s.padding[axis];
      }
      if (!inside) continue;
      for (size_t o = 0; o < s.out_channels; o++) {
        for (size_t i = 0; i < group_in; i++) {
          use(place * s.in_channels + o / group_out * group_in + i, (o * group_in + i) * taps + tap, at * s.out_channels + o);
        }
      }
    }
  }
}

void check_convolution(const DeviceKernels& device, Report& report, const Rounding& rounding, const Case& given) {
  const ActivationType type = rounding.stored;
  const ConvSpec spec = specification(given);
  const auto x = whole(spec.batch * points(spec.input) * spec.in_channels, 4);
  const auto weight = whole(spec.out_channels * spec.in_channels / spec.groups * points(spec.kernel), 5);
  const auto bias = whole(spec.out_channels, 6);
  const auto grad = whole(spec.batch * points(spec.output) * spec.out_channels, 7);
  const Stored dx(device, type, x), dg(device, type, grad);
  const DeviceArray<float> dw(device, weight), db(device, bias);
  const std::string title = std::string("convolution ") + given.title + rounding.title;
  report.check(title, [&] {
    std::vector<float> expected(grad.size());
    for (size_t i = 0; i < expected.size(); i++) expected[i] = bias[i % spec.out_channels];
    each_product(spec, [&](size_t i, size_t w, size_t o) { expected[o] += x[i] * weight[w]; });
    const Stored y(device, type, grad.size());
    device.conv_forward(spec, dx.data(), dw.data(), db.data(), y.data(), type);
    return wrong(y, expected, type);
  });
  report.check(title + ", gradient of the input", [&] {
    std::vector<float> expected(x.size());
    each_product(spec, [&](size_t i, size_t w, size_t o) { expected[i] += grad[o] * weight[w]; });
    const Stored grad_x(device, type, x.size());
    device.conv_backward_data(spec, dg.data(), dw.data(), grad_x.data(), type);
    return wrong(grad_x, expected, type);
  });
  report.check(title + ", gradient of weights and bias", [&] {
    std::vector<float> expected(weight.size()), expected_bias(spec.out_channels);
    each_product(spec, [&](size_t i, size_t w, size_t o) { expected[w] += grad[o] * x[i]; });
    for (size_t o = 0; o < grad.size(); o++) expected_bias[o % spec.out_channels] += grad[o];
    const DeviceArray<float> grad_weight(device, weight.size()), grad_bias(device, bias.size());
    device.conv_backward_weights(spec, dx.data(), dg.data(), grad_weight.data(), grad_bias.data(), type);
    return difference(grad_weight.read(), expected) + difference(grad_bias.read(), expected_bias);
  });
}

}  // namespace

void check_dense(const DeviceKernels& device, Report& report) {
  for (const Rounding& rounding : roundings) {
    device.set_precision(rounding.precision);
    check_products(device, report, rounding);
    for (const Case& given : cases) check_convolution(device, report, rounding, given);
  }
  device.set_precision(Precision::float32);
}

}  // namespace spikeship::standalone
