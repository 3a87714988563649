// Fused steps of the optimisers over lists of tensors, norms of them, scaling. Nothing waits for the device.
#include "ops/decl/optim.h"

#include <vector>

#include "core/shape.h"
#include "cuda/attach.h"
#include "cuda/kernels/optim.h"
#include "cuda/ops/elementwise.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/memory.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/copy.h"
#include "ops/optim_common.h"

namespace plait::cuda {
namespace {

void check_device(const char* op, const char* list, TensorList tensors, Device device) {
  for (size_t i = 0; i < tensors.size(); ++i)
    check<RuntimeError>(tensors[i].device() == device,
                        "{}: '{}'[{}] is on {}, expected {}, where the first tensor is; call it once for the "
                        "tensors of each device",
                        op, list, static_cast<int64_t>(i), tensors[i].device(), device);
}

// A graph would repeat what the host knew at the capture.
void refuse_capture(const char* op, const char* what) {
  check<RuntimeError>(!is_capturing(), "{}: a graph is being captured, and {}", op, what);
}

void bump_version(const Tensor& t) {
  if (t.storage()) t.storage()->bump_version();
}

// What a gradient scaler leaves to the step: Note [Steps of scaled gradients] in ops/optim_common.h.
struct Scaling {
  const Tensor &grad_scale, &found_inf;
};
const float* number_on(const char* op, const char* name, const Tensor& t, Device device) {
  if (!t.defined()) return nullptr;
  check(t.numel() == 1 && t.dtype() == DType::Float32 && t.device() == device,
        "{}: expected '{}' of one element and dtype float32 on {}, got shape {} and {} on {}", op, name,
        device, t.sizes(), t.dtype(), t.device());
  return t.data<float>();
}

// Copies of parameters in 16 bits, which the step writes along: for those that an autocast region has
// converted since the last step (Note [Lower copies] in core/tensor.h). Of one dtype, of what is so small
// that converting it is all launch; large ones would hold two bytes a parameter between the steps for a few
// percent of the conversion's time.
class LowerCopies {
 public:
  static constexpr int64_t kMost = 1 << 20;

  // Where to write p's copy, or null.
  char* place_for(const Tensor& p) {
    if (p.dtype() != DType::Float32 || capturing_ || !p.storage()) return nullptr;
    const auto asked = p.storage()->take_asked_lower();
    if (!asked || itemsize(*asked) != 2 || p.numel() > kMost || (!kept_.empty() && *asked != dtype_))
      return nullptr;
    dtype_ = *asked;
    Tensor copy = lower_copy(p, dtype_);
    // Its storage is held by the parameter's, and here; else a graph that is retained may read it.
    if (!copy.defined() || copy.storage()->use_count() > 2)
      copy = empty_tensor(TensorSpec(p.sizes(), dtype_, p.device(), p.strides()));
    kept_.emplace_back(p, copy);
    return copy.data<char>();
  }
  bool are_bfloat16() const { return dtype_ == DType::BFloat16; }
  // When the versions have moved on.
  void keep() const {
    for (const auto& [parameter, copy] : kept_) keep_lower_copy(parameter, copy);
  }

 private:
  std::vector<std::pair<Tensor, Tensor>> kept_;
  DType dtype_ = DType::BFloat16;
  bool capturing_ = is_capturing();
};

// Runs a step over all parameters. Memory is walked in its order where parameter, gradient and state are laid
// out alike; others go through contiguous copies.
template <class Step, class... Numbers>
void run_step(const char* op, TensorList params, TensorList grads, std::initializer_list<TensorList> states,
              const Scaling& scale, const Step& step, Numbers... numbers) {
  if (params.empty()) return;
  StepScaling scaling{number_on(op, "grad_scale", scale.grad_scale, params[0].device()),
                      number_on(op, "found_inf", scale.found_inf, params[0].device())};
  LowerCopies lower;
  const DType dtype = params[0].dtype();
  check_device(op, "params", params, params[0].device());
  check_device(op, "grads", grads, params[0].device());
  for (const TensorList& list : states) check_device(op, "states", list, params[0].device());

  std::vector<StepTensors> work;
  work.reserve(params.size());
  std::vector<std::pair<Tensor, Tensor>> copies;  // to be written back: destination, work
  std::vector<Tensor> kept;                       // copies of gradients
  const auto flush = [&](DType of) {
    scaling.lower_is_bfloat16 = lower.are_bfloat16();
    fused_step(work.data(), static_cast<int>(work.size()), of, scaling, step, numbers...);
    work.clear();
  };
  DType current = dtype;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    optim::check_floating(op, p);
    if (p.dtype() != current) {
      flush(current);
      current = p.dtype();
    }
    Tensor tensors[StepTensors::kLists] = {p, grads[i]};
    int count = 2;
    for (const TensorList& list : states) tensors[count++] = list.empty() ? Tensor() : list[i];
    bool alike = is_dense(p.sizes(), p.strides());
    for (int k = 1; k < count; ++k)
      alike = alike && (!tensors[k].defined() || tensors[k].strides() == p.strides());
    StepTensors entry{{}, p.numel()};
    for (int k = 0; k < count; ++k) {
      if (!tensors[k].defined()) continue;
      const Tensor at = alike ? tensors[k] : clone_plain(detached_alias(tensors[k]));
      entry.data[k] = at.data<char>();
      if (alike) continue;
      if (k == 1 && !scaling.grad_scale)
        kept.push_back(at);
      else
        copies.emplace_back(tensors[k], at);
    }
    if (alike) entry.lower = lower.place_for(p);
    work.push_back(entry);
  }
  flush(current);
  for (const auto& [destination, from] : copies) copy_on_device(destination, from);
  for (const Tensor& p : params) bump_version(p);
  if (scaling.grad_scale)
    for (const Tensor& g : grads) bump_version(g);
  for (const TensorList& list : states)
    for (const Tensor& t : list) bump_version(t);
  lower.keep();
}

CudaDirect sgd(op::_fused_sgd_, [](TensorList params, TensorList grads, TensorList buffers, double lr,
                                   double momentum, double dampening, double weight_decay, bool nesterov,
                                   bool maximize, bool first, const Tensor& grad_scale,
                                   const Tensor& found_inf) {
  optim::check_lists("_fused_sgd_", params,
                     {{"grads", grads, true}, {"momentum_buffers", buffers, momentum != 0}});
  if (first && momentum != 0)
    refuse_capture("SGD",
                   "each replay would repeat this first step with momentum as the first; run one step "
                   "before the capture");
  run_step("_fused_sgd_", params, grads, {buffers}, {grad_scale, found_inf},
           fn::SgdStep{lr, momentum, dampening, weight_decay, nesterov, maximize, first});
});

CudaDirect adam(op::_fused_adam_, [](TensorList params, TensorList grads, TensorList m, TensorList v,
                                     TensorList most, int64_t step, double lr, double beta1, double beta2,
                                     double eps, double weight_decay, bool amsgrad, bool maximize,
                                     bool decoupled) {
  optim::check_lists("_fused_adam_", params,
                     {{"grads", grads, true},
                      {"exp_avgs", m, true},
                      {"exp_avg_sqs", v, true},
                      {"max_exp_avg_sqs", most, amsgrad}});
  refuse_capture("Adam",
                 "each replay would repeat this step's number; make the optimiser with capturable=True, or "
                 "call step() after the replay");
  const Tensor none;
  run_step("_fused_adam_", params, grads, {m, v, amsgrad ? most : TensorList()}, {none, none},
           optim::adam_step(step, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled));
});

CudaDirect adam_capturable(op::_fused_adam_capturable_, [](TensorList params, TensorList grads, TensorList m,
                                                           TensorList v, TensorList most, const Tensor& step,
                                                           const Tensor& lr, double beta1, double beta2,
                                                           double eps, double weight_decay, bool amsgrad,
                                                           bool maximize, bool decoupled,
                                                           const Tensor& grad_scale,
                                                           const Tensor& found_inf) {
  constexpr const char* name = "_fused_adam_capturable_";
  optim::check_lists(name, params,
                     {{"grads", grads, true},
                      {"exp_avgs", m, true},
                      {"exp_avg_sqs", v, true},
                      {"max_exp_avg_sqs", most, amsgrad}});
  optim::check_number(name, "step", step);
  optim::check_number(name, "lr", lr);
  if (params.empty()) return;
  const Device device = params[0].device();
  for (const Tensor* t : {&step, &lr})
    check<RuntimeError>(t->is_cpu() || t->device() == device,
                        "{}: {} is on {}, expected {}, where the first parameter is, or a number", name,
                        t == &step ? "step" : "lr", t->device(), device);
  if (step.is_cpu())
    refuse_capture("Adam", "each replay would repeat this step's number; keep it in a tensor on the device");
  // A number of the host is in the arguments; of the device, in the three doubles.
  const fn::AdamStep options =
      optim::adam_step(step.is_cpu() ? item(step).to<int64_t>() : 1, lr.is_cpu() ? item(lr).to<double>() : 0,
                       beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled);
  const TensorList maxima = amsgrad ? most : TensorList();
  const Scaling scale{grad_scale, found_inf};
  if (step.is_cpu() && lr.is_cpu()) return run_step(name, params, grads, {m, v, maxima}, scale, options);
  const Workspace memory(kAdamNumbers * sizeof(double));
  auto* numbers = memory.as<double>();
  const Tensor at = step.is_cpu() ? scalar_tensor(item(step), DType::Float64, device) : step;
  adam_numbers(at.data_ptr(), at.dtype(), lr.is_cpu() ? nullptr : lr.data_ptr(), lr.dtype(), options,
               numbers);
  run_step(name, params, grads, {m, v, maxima}, scale, options, static_cast<const double*>(numbers));
});

CudaDirect rmsprop(op::_fused_rmsprop_, [](TensorList params, TensorList grads, TensorList squares,
                                           TensorList averages, TensorList buffers, double lr, double alpha,
                                           double eps, double weight_decay, double momentum, bool centered,
                                           bool maximize, const Tensor& grad_scale, const Tensor& found_inf) {
  optim::check_lists("_fused_rmsprop_", params,
                     {{"grads", grads, true},
                      {"square_avgs", squares, true},
                      {"grad_avgs", averages, centered},
                      {"momentum_buffers", buffers, momentum != 0}});
  run_step("_fused_rmsprop_", params, grads, {squares, averages, buffers}, {grad_scale, found_inf},
           fn::RmspropStep{lr, alpha, eps, weight_decay, momentum, centered, maximize});
});

// ---- lists of tensors, each by its elements

CudaKernel norm(op::_total_norm, [](const Tensor& out, TensorList tensors, double ord) {
  check_device("_total_norm", "tensors", tensors, out.device());
  std::vector<Tensor> kept;
  std::vector<DenseTensor> groups[4];  // by dtype, of which there is one as a rule
  for (const Tensor& t : tensors) {
    optim::check_floating("_total_norm", t);
    const bool dense = is_dense(t.sizes(), t.strides());
    if (!dense) kept.push_back(clone_plain(detached_alias(t)));
    groups[static_cast<int>(t.dtype()) - static_cast<int>(DType::Float16)].push_back(
        {(dense ? t : kept.back()).data<char>(), t.numel()});
  }
  int64_t parts = 0;
  for (const auto& group : groups) parts += norm_parts(group.data(), static_cast<int>(group.size()));
  const Workspace memory(static_cast<size_t>(parts) * sizeof(double));
  double* next = memory.as<double>();
  for (int i = 0; i < 4; ++i) {
    const int count = static_cast<int>(groups[i].size());
    sum_of_powers(groups[i].data(), count, static_cast<DType>(static_cast<int>(DType::Float16) + i), ord,
                  next);
    next += norm_parts(groups[i].data(), count);
  }
  finish_norm(memory.as<double>(), parts, ord, out.data_ptr(), out.dtype());
});

CudaDirect mul(op::_foreach_mul_, [](TensorList tensors, const Tensor& scale) {
  check(scale.numel() == 1,
        "_foreach_mul_: expected scale to be a number or a tensor of one element, got shape {}",
        scale.sizes());
  // Of one dtype and device, as gradients are: a launch for all. The number stays on the device.
  bool plain = !tensors.empty() && is_floating(tensors[0].dtype()) && !is_complex(scale.dtype());
  for (const Tensor& t : tensors)
    plain = plain && t.dtype() == tensors[0].dtype() && t.device() == tensors[0].device() &&
            is_dense(t.sizes(), t.strides());
  if (!plain) {
    for (const Tensor& t : tensors) op::mul.run_inplace(t, scale);
    return;
  }
  const DType dtype = tensors[0].dtype();
  const Tensor factor = converted(scale, dtype == DType::Float64 ? DType::Float64 : DType::Float32);
  std::vector<DenseTensor> list;
  list.reserve(tensors.size());
  for (const Tensor& t : tensors) list.push_back({t.data<char>(), t.numel()});
  scale_tensors(list.data(), static_cast<int>(list.size()), dtype, factor.data_ptr());
  for (const Tensor& t : tensors) bump_version(t);
});

CudaDirect zero(op::_foreach_zero_, [](TensorList tensors) {
  std::vector<DenseTensor> list;
  list.reserve(tensors.size());
  for (const Tensor& t : tensors) {
    if (t.device() != tensors[0].device() || !is_dense(t.sizes(), t.strides())) {
      op::zero.run_inplace(t);
      continue;
    }
    list.push_back({t.data<char>(), t.nbytes()});
    bump_version(t);
  }
  zero_tensors(list.data(), static_cast<int>(list.size()));
});

}  // namespace
}  // namespace plait::cuda
