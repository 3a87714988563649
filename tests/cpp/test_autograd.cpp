#include <cmath>
#include <vector>

#include "autograd/engine.h"
#include "autograd/function.h"
#include "autograd/variable.h"
#include "catch.h"
#include "core/generator.h"
#include "ops/math.h"
#include "ops/ops.h"

using namespace plait;

namespace {

Tensor vector_of(std::initializer_list<double> values, bool grad = true) {
  Tensor t = empty_tensor(Dims{static_cast<int64_t>(values.size())}, DType::Float64);
  std::copy(values.begin(), values.end(), t.data<double>());
  if (grad) set_requires_grad(t, true);
  return t;
}
std::vector<double> values_of(const Tensor& t) {
  const Tensor c = contiguous(t);
  return {c.data<double>(), c.data<double>() + c.numel()};
}
std::vector<Tensor> gradients(const Tensor& root, std::vector<Tensor> inputs, bool create_graph = false) {
  BackwardOptions options;
  options.accumulate = false;
  options.create_graph = options.retain_graph = create_graph;
  const Tensor roots[] = {root}, grads[] = {Tensor()};
  return run_backward(roots, grads, options, inputs);
}

struct Cube : Function<Cube> {
  static Tensor forward(FunctionContext& ctx, const Tensor& x, double factor) {
    ctx.save_for_backward({x});
    ctx.saved_data["factor"] = factor;
    CHECK(!grad_enabled());
    return x * x * x * Scalar(factor);
  }
  static std::vector<Tensor> backward(FunctionContext& ctx, const std::vector<Tensor>& grads) {
    const Tensor x = ctx.saved_tensors()[0];
    return {grads[0] * x * x * Scalar(3 * std::any_cast<double>(ctx.saved_data["factor"])), Tensor()};
  }
};

// Its derivative is written with its own result.
struct Exponential : Function<Exponential> {
  static Tensor forward(FunctionContext& ctx, const Tensor& x) {
    const Tensor y = exp(x);
    ctx.save_for_backward({y});
    return y;
  }
  static std::vector<Tensor> backward(FunctionContext& ctx, const std::vector<Tensor>& grads) {
    return {grads[0] * ctx.saved_tensors()[0]};
  }
};

struct Both : Function<Both> {
  static std::vector<Tensor> forward(FunctionContext&, const Tensor& x) { return {x, x * Scalar(2)}; }
  static std::vector<Tensor> backward(FunctionContext&, const std::vector<Tensor>& grads) {
    return {grads[0] + grads[1] * Scalar(2)};
  }
};

struct DoubleInPlace : Function<DoubleInPlace> {
  static Tensor forward(FunctionContext& ctx, const Tensor& x) {
    mul_(x, wrapped_scalar(2));
    ctx.mark_dirty({x});
    return x;
  }
  static std::vector<Tensor> backward(FunctionContext&, const std::vector<Tensor>& grads) {
    return {grads[0] * Scalar(2)};
  }
};

struct Forgetful : Function<Forgetful> {
  static Tensor forward(FunctionContext&, const Tensor& x, const Tensor& y) { return x + y; }
  static std::vector<Tensor> backward(FunctionContext&, const std::vector<Tensor>& grads) {
    return {grads[0]};
  }
};

}  // namespace

TEST_CASE("the gradient of a composite is the chain rule's") {
  const Tensor x = vector_of({1, 2, 3});
  const auto g = gradients(sum(x * x * x), {x});
  CHECK(values_of(g[0]) == std::vector<double>{3, 12, 27});
}

TEST_CASE("a gradient can be differentiated again") {
  const Tensor x = vector_of({2});
  const auto first = gradients(sum(x * x * x), {x}, true);
  const auto second = gradients(sum(first[0]), {x});
  CHECK(values_of(second[0]) == std::vector<double>{12});
}

TEST_CASE("gradients accumulate in leaves") {
  const Tensor x = vector_of({1, 2});
  for (int i = 0; i < 2; ++i) {
    const Tensor roots[] = {sum(x * x)}, grads[] = {Tensor()};
    run_backward(roots, grads, BackwardOptions{});
  }
  CHECK(values_of(autograd_meta(x)->grad) == std::vector<double>{4, 8});
}

TEST_CASE("a million nodes are walked and freed without recursion") {
  const Tensor x = vector_of({1});
  Tensor y = x;
  for (int i = 0; i < 1000000; ++i) y = y + x;
  CHECK(values_of(gradients(sum(y), {x})[0]) == std::vector<double>{1000001});
}

TEST_CASE("a custom Function runs its own derivative") {
  const Tensor x = vector_of({1, -2});
  const Tensor y = Cube::apply(x, 2.0);
  CHECK(values_of(y) == std::vector<double>{2, -16});
  CHECK(grad_fn(y)->name() == "(anonymous namespace)::Cube");
  CHECK(values_of(gradients(sum(y), {x})[0]) == std::vector<double>{6, 24});
}

TEST_CASE("a custom Function can be differentiated twice") {
  const Tensor x = vector_of({0.5});
  const auto cubes = gradients(sum(Cube::apply(x, 1.0)), {x}, true);
  CHECK(values_of(gradients(sum(cubes[0]), {x})[0]) == std::vector<double>{3});
  const auto first = gradients(sum(Exponential::apply(x)), {x}, true);
  CHECK(std::abs(values_of(gradients(sum(first[0]), {x})[0])[0] - std::exp(0.5)) < 1e-12);
}

TEST_CASE("a custom Function records nothing where nothing requires grad") {
  CHECK(!requires_grad(Cube::apply(vector_of({1}, false), 1.0)));
  NoGrad guard;
  CHECK(!requires_grad(Cube::apply(vector_of({1}), 1.0)));
}

TEST_CASE("a custom Function has several results, one of them its input") {
  const Tensor x = vector_of({1});
  const std::vector<Tensor> y = Both::apply(x);
  CHECK(!y[0].same(x));
  CHECK(values_of(gradients(sum(y[0] + y[1]), {x})[0]) == std::vector<double>{3});
  CHECK(values_of(gradients(sum(Both::apply(x)[1]), {x})[0]) == std::vector<double>{2});
}

TEST_CASE("a custom Function changes its input in place") {
  const Tensor leaf = vector_of({1, 2});
  const Tensor x = leaf * Scalar(1);
  const uint32_t before = x.version();
  const Tensor y = DoubleInPlace::apply(x);
  CHECK(y.same(x));
  CHECK(x.version() > before);
  CHECK(values_of(gradients(sum(y), {leaf})[0]) == std::vector<double>{2, 2});
  CHECK_THROWS_AS(DoubleInPlace::apply(leaf), RuntimeError);
}

TEST_CASE("a custom Function's mistakes are named") {
  const Tensor x = vector_of({1}), y = vector_of({1});
  CHECK_THROWS_WITH(
      gradients(sum(Forgetful::apply(x, y)), {x}),
      "(anonymous namespace)::Forgetful: backward: expected 2 gradients, one for each argument of "
      "forward (undefined where there is none), got 1");
  const Tensor z = x * Scalar(1), cube = Cube::apply(z, 1.0);
  mul_(z, wrapped_scalar(2));
  CHECK_THROWS_AS(gradients(sum(cube), {x}), RuntimeError);
}

TEST_CASE("a model trains from C++") {
  default_generator()->set_state({1, 0});
  const Tensor x = randn(Dims{64, 3}), weight = reshape(vector_of({1, -2, 0.5}, false), Dims{3, 1});
  const Tensor y = matmul(x, _convert(weight, DType::Float32)) + Scalar(0.25);
  Tensor w = zeros(Dims{3, 1}), b = zeros(Dims{1});
  set_requires_grad(w, true);
  set_requires_grad(b, true);
  double loss_value = 0;
  for (int step = 0; step < 300; ++step) {
    const Tensor error = matmul(x, w) + b - y, loss = mean(error * error);
    loss_value = plait::item(loss).to<double>();
    const std::vector<Tensor> grads = gradients(loss, {w, b});
    NoGrad guard;
    sub_(w, grads[0] * Scalar(0.1));
    sub_(b, grads[1] * Scalar(0.1));
  }
  CHECK(loss_value < 1e-8);
}
