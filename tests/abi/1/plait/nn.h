// Models in C++ programs: layers and optimisers with the names, initial values and formulas of plait.nn and
// plait.optim. A program includes this and links libplait (find_package(plait), target plait::plait). All of
// it is written in the public API, as a model of yours would be.
//
//   struct Net {
//     nn::Linear hidden{2, 64}, out{64, 2};
//     Tensor operator()(const Tensor& x) const { return out(relu(hidden(x))); }
//     std::vector<Tensor> parameters() const { return nn::parameters(hidden, out); }
//   };
//
//   Net net;
//   optim::Adam optimizer(net.parameters(), {.lr = 1e-2});
//   for (...) {
//     const Tensor loss = cross_entropy(net(x), y);
//     optimizer.zero_grad();
//     loss.backward();
//     optimizer.step();
//   }
#pragma once

#include <cmath>

#include "plait/extension.h"

namespace plait {
inline namespace v1 {

namespace nn {

// The parameters of several layers or models, in order.
template <class... Layers>
std::vector<Tensor> parameters(const Layers&... layers) {
  std::vector<Tensor> all;
  const auto append = [&](const std::vector<Tensor>& more) {
    all.insert(all.end(), more.begin(), more.end());
  };
  (append(layers.parameters()), ...);
  return all;
}

// A leaf of uniform random numbers in [-bound, bound).
inline Tensor uniform_parameter(const Dims& size, double bound) {
  const Tensor t = empty(size);
  uniform_(t, -bound, bound);
  return t.requires_grad_();
}

// x weight^T + bias, with values from U(-1 / sqrt(in), 1 / sqrt(in)) at first.
struct Linear {
  Tensor weight, bias;  // (out, in); (out,) or not there

  Linear(int64_t in, int64_t out, bool with_bias = true) {
    check(in > 0 && out > 0, "nn::Linear: expected positive numbers of features, got {} and {}", in, out);
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    weight = uniform_parameter({out, in}, bound);
    if (with_bias) bias = uniform_parameter({out}, bound);
  }
  Tensor operator()(const Tensor& x) const { return linear(x, weight, bias); }
  std::vector<Tensor> parameters() const {
    return bias.defined() ? std::vector<Tensor>{weight, bias} : std::vector<Tensor>{weight};
  }
};

}  // namespace nn

namespace optim {

// What optimisers share: the parameters, and the loop over those that have a gradient.
class Optimizer {
 public:
  explicit Optimizer(std::vector<Tensor> params) : params_(std::move(params)) {
    for (const Tensor& p : params_)
      check(p.requires_grad(), "optim: every parameter must require grad; one of shape {} does not",
            p.sizes());
  }
  void zero_grad() const {
    for (const Tensor& p : params_) p.set_grad({});
  }

 protected:
  // update(i, parameter, gradient), unrecorded.
  template <class F>
  void each(const F& update) const {
    const NoGrad guard;
    for (size_t i = 0; i < params_.size(); ++i)
      if (const Tensor grad = params_[i].grad(); grad.defined()) update(i, params_[i], grad);
  }
  std::vector<Tensor> zeros_like_params() const {
    std::vector<Tensor> zeros;
    for (const Tensor& p : params_) zeros.push_back(zeros_like(p));
    return zeros;
  }
  std::vector<Tensor> params_;
};

struct SGDOptions {
  double lr = 1e-3, momentum = 0, weight_decay = 0;
};

// Stochastic gradient descent, with momentum as in Sutskever et al. (2013).
class SGD : public Optimizer {
 public:
  SGDOptions options;  // may be changed between steps

  explicit SGD(std::vector<Tensor> params, SGDOptions o = {}) : Optimizer(std::move(params)), options(o) {}
  void step() {
    each([&](size_t i, const Tensor& p, Tensor grad) {
      if (options.weight_decay != 0) grad = add(grad, p, options.weight_decay);
      if (options.momentum != 0) {
        if (velocity_.empty()) velocity_ = zeros_like_params();
        mul_(velocity_[i], options.momentum);
        grad = add_(velocity_[i], grad);
      }
      add_(p, grad, -options.lr);
    });
  }

 private:
  std::vector<Tensor> velocity_;
};

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
};

// Adam (Kingma and Ba, 2015); weight decay is AdamW's, apart from the gradient (Loshchilov and Hutter, 2019).
class Adam : public Optimizer {
 public:
  AdamOptions options;  // may be changed between steps

  explicit Adam(std::vector<Tensor> params, AdamOptions o = {})
      : Optimizer(std::move(params)),
        options(o),
        mean_(zeros_like_params()),
        square_(zeros_like_params()) {}
  void step() {
    ++steps_;
    const AdamOptions& o = options;
    const double first = 1 - std::pow(o.beta1, steps_), second = std::sqrt(1 - std::pow(o.beta2, steps_));
    each([&](size_t i, const Tensor& p, const Tensor& grad) {
      if (o.weight_decay != 0) mul_(p, 1 - o.lr * o.weight_decay);
      lerp_(mean_[i], grad, 1 - o.beta1);
      mul_(square_[i], o.beta2);
      addcmul_(square_[i], grad, grad, 1 - o.beta2);
      addcdiv_(p, mean_[i], sqrt(square_[i]) / second + o.eps, -o.lr / first);
    });
  }

 private:
  std::vector<Tensor> mean_, square_;
  int64_t steps_ = 0;
};

}  // namespace optim

}  // namespace v1
}  // namespace plait
