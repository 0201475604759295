// Matrix products on CUDA through cuBLASLt. Its epilogue adds the bias, and the memory that it works in comes from our cache, so that a
// product neither allocates nor waits and can be recorded into a graph.
#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "../failure.h"
#include "cublas_functions.h"
#include "current_device_cuda.h"
#include "dense_options.h"
#include "dense_product.h"
#include "device_runtime.h"
#include "device_words.h"
#include "factor_types.h"
#include "plan_cache.h"

namespace spikeship::device {
namespace {

// What NVIDIA recommends for Hopper; fewer bytes rule out the kernels that divide long sums.
constexpr uint64_t most_workspace = uint64_t{32} << 20;
// The order in which heuristics offer algorithms is the expected order of speed. Some may be refused for lack of workspace.
constexpr int most_algorithms = 4;

void must(const cublas::Functions& lt, cublas::Status status, const char* what) {
  if (status == cublas::success) return;
  throw Failure{"NATIVE", what, "cuBLASLt to do this", lt.status_string(status), "Report it with the shapes that were given."};
}

// One descriptor of the library.
template <class Opaque>
class Owned {
 public:
  Owned() = default;
  Owned(Opaque value, cublas::Status (*destroy)(Opaque)) : value_(value), destroy_(destroy) {}
  Owned(Owned&& other) noexcept : value_(std::exchange(other.value_, nullptr)), destroy_(other.destroy_) {}
  Owned& operator=(Owned&& other) noexcept {
    std::swap(value_, other.value_);
    std::swap(destroy_, other.destroy_);
    return *this;
  }
  ~Owned() {
    if (value_ != nullptr) destroy_(value_);
  }
  Opaque get() const { return value_; }

 private:
  Opaque value_ = nullptr;
  cublas::Status (*destroy_)(Opaque) = nullptr;
};

struct MatmulPlan {
  Owned<cublas::Operation> operation;
  Owned<cublas::Layout> a, b, c;
  cublas::Algorithm algorithm;
  size_t workspace = 0;
  bool usable = false;
};

// A handle belongs to the device that was current when it was made.
cublas::Handle handle(const cublas::Functions& lt) {
  static std::map<int, cublas::Handle> handles;
  cublas::Handle& handle = handles[current_device()];
  if (handle != nullptr) return handle;
  const MayLoad allowed;
  must(lt, lt.create(&handle), "cublasLtCreate");
  return handle;
}

// The largest power of two up to 256, the library's own assumption, that divides an address and a distance in bytes.
uint32_t alignment(const void* data, size_t step_bytes) {
  const auto bits = reinterpret_cast<uintptr_t>(data) | step_bytes | 256;
  return static_cast<uint32_t>(bits & (~bits + 1));
}

struct Alignments {
  uint32_t a, b, c;
};

Alignments alignments(const Product& p) {
  const size_t bytes = number_bytes(p.precision);
  const size_t several = p.groups > 1 ? 1 : 0;
  return {alignment(p.a, p.a_group * bytes * several), alignment(p.b, p.b_group * bytes * several),
          alignment(p.c, p.c_group * bytes_of(p.c_type) * several)};
}

// A matrix that is stored row by row is, to the library, its transpose stored column by column.
Owned<cublas::Layout> layout(const cublas::Functions& lt, int type, size_t rows, size_t columns, size_t row_step, size_t groups,
                             size_t group_step) {
  cublas::Layout made = nullptr;
  must(lt, lt.layout_create(&made, type, columns, rows, static_cast<int64_t>(row_step)), "layout of a matrix");
  Owned<cublas::Layout> owned(made, lt.layout_destroy);
  if (groups > 1) {
    const auto count = static_cast<int32_t>(groups);
    const auto step = static_cast<int64_t>(group_step);
    must(lt, lt.layout_set(made, cublas::LayoutAttribute::batch_count, &count, sizeof count), "layout of matrices");
    must(lt, lt.layout_set(made, cublas::LayoutAttribute::batch_stride, &step, sizeof step), "layout of matrices");
  }
  return owned;
}

Owned<cublas::Operation> operation(const cublas::Functions& lt, const Product& p, const void* bias) {
  cublas::Operation made = nullptr;
  const bool tf32 = p.precision == Precision::float32 && tf32_wanted();
  must(lt, lt.operation_create(&made, tf32 ? cublas::compute_fast_tf32 : cublas::compute_float32, cublas::real_float32), "matrix product");
  Owned<cublas::Operation> owned(made, lt.operation_destroy);
  const auto set = [&](cublas::OperationAttribute attribute, auto value) {
    must(lt, lt.operation_set(made, attribute, &value, sizeof value), "matrix product");
  };
  // Transposed, c is b times a: the library's first factor is our second.
  set(cublas::OperationAttribute::transpose_a, p.transpose_b ? cublas::transposed : cublas::as_stored);
  set(cublas::OperationAttribute::transpose_b, p.transpose_a ? cublas::transposed : cublas::as_stored);
  if (bias != nullptr) {
    set(cublas::OperationAttribute::epilogue, cublas::epilogue_bias);
    set(cublas::OperationAttribute::bias_pointer, bias);
  }
  return owned;
}

Owned<cublas::Preference> preference(const cublas::Functions& lt, const Alignments& aligned, ActivationType result) {
  cublas::Preference made = nullptr;
  must(lt, lt.preference_create(&made), "choice of a matrix product");
  Owned<cublas::Preference> owned(made, lt.preference_destroy);
  const auto set = [&](cublas::PreferenceAttribute attribute, auto value) {
    must(lt, lt.preference_set(made, attribute, &value, sizeof value), "choice of a matrix product");
  };
  set(cublas::PreferenceAttribute::most_workspace, most_workspace);
  const bool half = result != ActivationType::float32;
  set(cublas::PreferenceAttribute::reduction_schemes, half ? cublas::reductions_in_float32 : cublas::reductions_in_order);
  set(cublas::PreferenceAttribute::alignment_a, aligned.b);
  set(cublas::PreferenceAttribute::alignment_b, aligned.a);
  set(cublas::PreferenceAttribute::alignment_c, aligned.c);
  set(cublas::PreferenceAttribute::alignment_d, aligned.c);
  return owned;
}

int type_of(Precision precision) {
  if (precision == Precision::bfloat16) return cublas::real_bfloat16;
  return precision == Precision::float16 ? cublas::real_float16 : cublas::real_float32;
}

MatmulPlan make(const cublas::Functions& lt, const Product& p, const void* bias) {
  const int type = type_of(p.precision);
  MatmulPlan plan;
  plan.operation = operation(lt, p, bias);
  plan.a = layout(lt, type, p.transpose_a ? p.k : p.m, p.transpose_a ? p.m : p.k, p.a_row, p.groups, p.a_group);
  plan.b = layout(lt, type, p.transpose_b ? p.n : p.k, p.transpose_b ? p.k : p.n, p.b_row, p.groups, p.b_group);
  plan.c = layout(lt, type_of(precision_of(p.c_type)), p.m, p.n, p.c_row, p.groups, p.c_group);
  const auto wishes = preference(lt, alignments(p), p.c_type);
  cublas::Heuristic results[most_algorithms];
  int count = 0;
  const cublas::Status status = lt.heuristics(handle(lt), plan.operation.get(), plan.b.get(), plan.a.get(), plan.c.get(), plan.c.get(),
                                              wishes.get(), most_algorithms, results, &count);
  if (status != cublas::success) return plan;
  const auto best = std::find_if(results, results + count, [](const auto& result) { return result.state == cublas::success; });
  if (best == results + count) return plan;
  plan.algorithm = best->algorithm;
  plan.workspace = best->workspace;
  plan.usable = true;
  return plan;
}

PlanKey key(const Product& p, const void* bias) {
  const Alignments aligned = alignments(p);
  PlanKey key{current_device(), p.transpose_a, p.transpose_b, static_cast<int64_t>(p.precision), static_cast<int64_t>(p.c_type),
              bias != nullptr, aligned.a, aligned.b, aligned.c, bias == nullptr ? 0 : alignment(bias, 0)};
  for (const size_t size : {p.m, p.n, p.k, p.a_row, p.b_row, p.c_row, p.groups, p.a_group, p.b_group, p.c_group}) {
    key.push_back(static_cast<int64_t>(size));
  }
  return key;
}

void run(const cublas::Functions& lt, MatmulPlan& plan, const Product& p, const void* bias) {
  if (bias != nullptr) {
    must(lt, lt.operation_set(plan.operation.get(), cublas::OperationAttribute::bias_pointer, &bias, sizeof bias), "bias");
  }
  const float alpha = 1.0f, beta = p.accumulate ? 1.0f : 0.0f;
  const Scratch workspace(std::max<size_t>(plan.workspace, 1));
  must(lt,
       lt.matmul(handle(lt), plan.operation.get(), &alpha, p.b, plan.b.get(), p.a, plan.a.get(), &beta, p.c, plan.c.get(), p.c,
                 plan.c.get(), &plan.algorithm, workspace.as<void>(), plan.workspace, stream()),
       "matrix product");
}

// The bias as the library's epilogue adds it, while this lives: it has to be of the result's type.
class EpilogueBias {
 public:
  explicit EpilogueBias(const Product& p) : data_(p.bias) {
    if (p.bias == nullptr || p.c_type == ActivationType::float32) return;
    rounded_.emplace(p.n * bytes_of(p.c_type));
    round_factors(p.bias, precision_of(p.c_type), rounded_->as<void>(), p.n);
    data_ = rounded_->as<void>();
  }
  const void* data() const { return data_; }

 private:
  const void* data_;
  std::optional<Scratch> rounded_;
};

// Heuristics see where the bias begins, not where that of a later group does. And a bias that does not begin at a multiple of 16 bytes has
// ended others' programs (Marian NMT, tensors/gpu/prod.cpp): what begins so is rare, and not worth the risk.
bool epilogue_adds(const Product& p) { return p.groups == 1 && alignment(p.bias, 0) >= 16; }

// The bias becomes what the product is added to.
void multiply_without_epilogue(const Product& product) {
  if (product.bias == nullptr || product.accumulate) return multiply_plain(product);
  fill_rows({product.c, product.c_type}, product.m, product.n * product.groups, product.bias);
  Product rest = product;
  rest.bias = nullptr;
  rest.accumulate = true;
  multiply(rest);
}

}  // namespace

void multiply(const Product& product) {
  const cublas::Functions* lt = cublas::functions();
  if (lt == nullptr) return multiply_plain(product);
  if (product.bias != nullptr && !epilogue_adds(product)) return multiply_without_epilogue(product);
  // Never destroyed: at the end of a process the driver may be gone before.
  static auto& plans = *new PlanCache<MatmulPlan>;
  const EpilogueBias bias(product);
  MatmulPlan& plan = plans.find(key(product, bias.data()), capturing(), [&] { return make(*lt, product, bias.data()); });
  if (plan.usable) return run(*lt, plan, product, bias.data());
  multiply_without_epilogue(product);
}

}  // namespace spikeship::device
