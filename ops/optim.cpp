// Fused steps of the optimisers over lists of tensors: all parameters in one call, one pass over memory. They
// change their tensors in place and record nothing.
#include <cmath>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/optim.h"
#include "ops/decl/amp.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/copy.h"
#include "ops/decl/optim.h"
#include "ops/declare.h"
#include "ops/math.h"
#include "ops/optim_common.h"

namespace plait {

bool optim::leaves_out(const char* op, TensorList grads, const Tensor& grad_scale, const Tensor& found_inf) {
  if (found_inf.defined()) {
    check_number(op, "found_inf", found_inf);
    if (item(found_inf).to<double>() != 0) return true;
  }
  if (grad_scale.defined()) {
    check_number(op, "grad_scale", grad_scale);
    // The inverse is rounded to float32, as GradScaler.unscale_ has it.
    op::_amp_foreach_non_finite_check_and_unscale_(
        grads, scalar_tensor(0, DType::Float32),
        scalar_tensor(1 / item(grad_scale).to<double>(), DType::Float32));
  }
  return false;
}

}  // namespace plait

namespace plait::op {
namespace {

using cpu::StepBlock;

int row_of(const char* op, const Tensor& t) {
  optim::check_floating(op, t);
  return static_cast<int>(t.dtype()) - static_cast<int>(DType::Float16);
}

// Runs a step over all parameters. Blocks are walked in memory order where parameter, gradient and state are
// laid out alike; others go through contiguous copies.
template <class Step, class Table>
void run_step(const char* op, TensorList params, TensorList grads, std::initializer_list<TensorList> states,
              const Step& step, const Table& table) {
  constexpr int64_t kGrain = 16384;
  for (size_t i = 0; i < params.size(); ++i) {
    const Tensor& p = params[i];
    Tensor tensors[5] = {p, grads[i]};
    int count = 2;
    for (const TensorList& list : states) tensors[count++] = list.empty() ? Tensor() : list[i];
    bool alike = is_dense(p.sizes(), p.strides());
    for (int k = 1; k < count; ++k)
      alike = alike && (!tensors[k].defined() || tensors[k].strides() == p.strides());
    Tensor work[5];
    for (int k = 0; k < count; ++k)
      if (tensors[k].defined()) work[k] = alike ? tensors[k] : clone_plain(detached_alias(tensors[k]));
    const auto fn = table[row_of(op, p)];
    const int64_t size = itemsize(p.dtype());
    const auto pointer = [&](int k, int64_t begin) {
      return work[k].defined() ? work[k].template data<char>() + begin * size : nullptr;
    };
    parallel_for(0, p.numel(), kGrain, [&](int64_t begin, int64_t end) {
      fn(StepBlock{pointer(0, begin),
                   {pointer(2, begin), pointer(3, begin), pointer(4, begin)},
                   pointer(1, begin),
                   end - begin},
         step);
    });
    for (int k = 0; k < count; ++k) {
      if (k == 1 || !tensors[k].defined()) continue;
      if (!alike) cpu::copy(tensors[k], work[k]);
      tensors[k].storage()->bump_version();
    }
  }
}

double total_of_powers(const char* op, TensorList tensors, double power) {
  double total = 0;
  for (const Tensor& t : tensors) {
    const Tensor x = is_dense(t.sizes(), t.strides()) ? t : clone_plain(detached_alias(t));
    const auto fn = cpu::optim_table().sum_of_powers[row_of(op, t)];
    // Fixed parts, so that the sum does not depend on the number of threads.
    constexpr int64_t kPart = 65536;
    const int64_t parts = (x.numel() + kPart - 1) / kPart, size = itemsize(x.dtype());
    std::vector<double> sums(static_cast<size_t>(parts));
    parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        sums[i] = fn(x.data<char>() + i * kPart * size, std::min(kPart, x.numel() - i * kPart), power);
    });
    for (const double s : sums) total = std::isinf(power) ? (s > total || s != s ? s : total) : total + s;
  }
  return total;
}

}  // namespace

Op<void(TensorList, TensorList, TensorList, double, double, double, double, bool, bool, bool, const Tensor&,
        const Tensor&)>
    _fused_sgd_{{
        .schema =
            "_fused_sgd_(Tensor[] params, Tensor[] grads, Tensor[] momentum_buffers, *, float lr, float "
            "momentum, float dampening, "
            "float weight_decay, bool nesterov, bool maximize, bool first_step, Tensor? grad_scale=None, "
            "Tensor? found_inf=None) -> void",
        .doc = "One step of SGD on every parameter; momentum_buffers is empty where momentum is 0. Nothing "
               "is done "
               "where found_inf is not 0; gradients are divided by grad_scale first, in place.",
        .direct =
            [](TensorList params, TensorList grads, TensorList buffers, double lr, double momentum,
               double dampening, double weight_decay, bool nesterov, bool maximize, bool first,
               const Tensor& grad_scale, const Tensor& found_inf) {
              optim::check_lists("_fused_sgd_", params,
                                 {{"grads", grads, true}, {"momentum_buffers", buffers, momentum != 0}});
              if (optim::leaves_out("_fused_sgd_", grads, grad_scale, found_inf)) return;
              run_step("_fused_sgd_", params, grads, {buffers},
                       cpu::SgdStep{lr, momentum, dampening, weight_decay, nesterov, maximize, first},
                       cpu::optim_table().sgd);
            },
        .kind = Kind::Optim,
    }};

Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, int64_t, double, double, double, double,
        double, bool, bool, bool)>
    _fused_adam_{{
        .schema = "_fused_adam_(Tensor[] params, Tensor[] grads, Tensor[] exp_avgs, Tensor[] exp_avg_sqs, "
                  "Tensor[] max_exp_avg_sqs, *, int step, "
                  "float lr, float beta1, float beta2, float eps, float weight_decay, bool amsgrad, bool "
                  "maximize, bool decoupled) -> void",
        .doc = "One step of Adam (decoupled: AdamW) on every parameter.",
        .direct =
            [](TensorList params, TensorList grads, TensorList m, TensorList v, TensorList most, int64_t step,
               double lr, double beta1, double beta2, double eps, double weight_decay, bool amsgrad,
               bool maximize, bool decoupled) {
              optim::check_lists("_fused_adam_", params,
                                 {{"grads", grads, true},
                                  {"exp_avgs", m, true},
                                  {"exp_avg_sqs", v, true},
                                  {"max_exp_avg_sqs", most, amsgrad}});
              run_step(
                  "_fused_adam_", params, grads, {m, v, amsgrad ? most : TensorList()},
                  optim::adam_step(step, lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled),
                  cpu::optim_table().adam);
            },
        .kind = Kind::Optim,
    }};

Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, const Tensor&, const Tensor&, double,
        double, double, double, bool, bool, bool, const Tensor&, const Tensor&)>
    _fused_adam_capturable_{{
        .schema = "_fused_adam_capturable_(Tensor[] params, Tensor[] grads, Tensor[] exp_avgs, Tensor[] "
                  "exp_avg_sqs, Tensor[] max_exp_avg_sqs, *, Tensor step, Tensor lr, "
                  "float beta1, float beta2, float eps, float weight_decay, bool amsgrad, bool "
                  "maximize, bool decoupled, Tensor? grad_scale=None, Tensor? found_inf=None) -> void",
        .doc =
            "_fused_adam_ with the number of the step and the learning rate in tensors of one element. On "
            "a device the host does not read them: a captured graph finds new ones at each replay. "
            "Nothing is done where found_inf is not 0; gradients are divided by grad_scale first, in place.",
        .direct =
            [](TensorList params, TensorList grads, TensorList m, TensorList v, TensorList most,
               const Tensor& step, const Tensor& lr, double beta1, double beta2, double eps,
               double weight_decay, bool amsgrad, bool maximize, bool decoupled, const Tensor& grad_scale,
               const Tensor& found_inf) {
              optim::check_number("_fused_adam_capturable_", "step", step);
              optim::check_number("_fused_adam_capturable_", "lr", lr);
              if (optim::leaves_out("_fused_adam_capturable_", grads, grad_scale, found_inf)) return;
              op::_fused_adam_(params, grads, m, v, most, item(step).to<int64_t>(), item(lr).to<double>(),
                               beta1, beta2, eps, weight_decay, amsgrad, maximize, decoupled);
            },
        .kind = Kind::Optim,
    }};

Op<void(TensorList, TensorList, TensorList, TensorList, TensorList, double, double, double, double, double,
        bool, bool, const Tensor&, const Tensor&)>
    _fused_rmsprop_{{
        .schema = "_fused_rmsprop_(Tensor[] params, Tensor[] grads, Tensor[] square_avgs, Tensor[] "
                  "grad_avgs, Tensor[] momentum_buffers, *, float lr, "
                  "float alpha, float eps, float weight_decay, float momentum, bool centered, bool maximize, "
                  "Tensor? grad_scale=None, Tensor? found_inf=None) -> void",
        .doc = "One step of RMSprop on every parameter; grad_avgs is empty unless centered, momentum_buffers "
               "where momentum is 0. Nothing is done where found_inf is not 0; gradients are divided by "
               "grad_scale first, in place.",
        .direct =
            [](TensorList params, TensorList grads, TensorList squares, TensorList averages,
               TensorList buffers, double lr, double alpha, double eps, double weight_decay, double momentum,
               bool centered, bool maximize, const Tensor& grad_scale, const Tensor& found_inf) {
              optim::check_lists("_fused_rmsprop_", params,
                                 {{"grads", grads, true},
                                  {"square_avgs", squares, true},
                                  {"grad_avgs", averages, centered},
                                  {"momentum_buffers", buffers, momentum != 0}});
              if (optim::leaves_out("_fused_rmsprop_", grads, grad_scale, found_inf)) return;
              run_step("_fused_rmsprop_", params, grads, {squares, averages, buffers},
                       cpu::RmspropStep{lr, alpha, eps, weight_decay, momentum, centered, maximize},
                       cpu::optim_table().rmsprop);
            },
        .kind = Kind::Optim,
    }};

Op<Tensor(TensorList, double)> _total_norm{{
    .schema = "_total_norm(Tensor[] tensors, float ord) -> Tensor",
    .doc = "The norm of order `ord` of all elements of all tensors together, as a 0-d tensor.",
    .meta =
        [](TensorList tensors, double) {
          return tensors.empty() ? TensorSpec(Dims{}, default_dtype(), kCPU)
                                 : TensorSpec(Dims{}, tensors[0].dtype(), tensors[0].device());
        },
    .kind = Kind::Optim,
    .cpu =
        [](const Tensor& out, TensorList tensors, double ord) {
          const double total = total_of_powers("_total_norm", tensors, ord);
          copy_into(out, scalar_tensor(std::isinf(ord) || ord == 0 ? total : std::pow(total, 1 / ord),
                                       DType::Float64));
        },
}};

Op<void(TensorList, const Tensor&)> _foreach_mul_{{
    .schema = "_foreach_mul_(Tensor[] tensors, Tensor scale) -> void",
    .doc = "Multiplies every tensor in place by one number.",
    .direct =
        [](TensorList tensors, const Tensor& scale) {
          for (const Tensor& t : tensors) op::mul.run_inplace(t, scale);
        },
    .kind = Kind::Optim,
}};

Op<void(TensorList)> _foreach_zero_{{
    .schema = "_foreach_zero_(Tensor[] tensors) -> void",
    .doc = "Fills every tensor with zeros.",
    .direct =
        [](TensorList tensors) {
          for (const Tensor& t : tensors) op::zero.run_inplace(t);
        },
    .kind = Kind::Optim,
}};

}  // namespace plait::op
