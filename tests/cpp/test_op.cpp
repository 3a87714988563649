// Ops declared outside of plait's own libraries: what an extension does.
#include <string>

#include "autograd/engine.h"
#include "autograd/layer.h"
#include "autograd/variable.h"
#include "catch.h"
#include "core/registry.h"
#include "ops/infer.h"
#include "ops/math.h"
#include "ops/ops.h"

using namespace plait;

namespace {

void plus_one(const Tensor& out, const Tensor& self) {
  for (int64_t i = 0; i < out.numel(); ++i) out.data<double>()[i] = self.data<double>()[i] + 1;
}

Op<Tensor(const Tensor&)> shifted{{
    .schema = "test_shifted(Tensor self) -> Tensor",
    .doc = "self + 1.",
    .meta = [](const Tensor& self) { return TensorSpec(self.sizes(), self.dtype(), self.device()); },
    .vjp = [](Vjp& v) { v.set(0, v.grad()); },
    .kind = Kind::Pointwise,
    .dtypes = set_of(DType::Float64),
    .inplace = Inplace::Direct,
    .out = true,
    .cpu = plus_one,
}};

Op<Tensor(const Tensor&, const Tensor&)> squared_distance{{
    .schema = "test_squared_distance(Tensor self, Tensor other) -> Tensor",
    .composite = [](const Tensor& self, const Tensor& other) { return sum((self - other) * (self - other)); },
    .kind = Kind::Reduction,
}};

Tensor column(std::initializer_list<double> values) {
  Tensor t = empty_tensor(Dims{static_cast<int64_t>(values.size())}, DType::Float64);
  std::copy(values.begin(), values.end(), t.data<double>());
  return t;
}

}  // namespace

TEST_CASE("an outside op has every derived form") {
  const Tensor x = column({1, 2});
  CHECK(shifted(x).data<double>()[1] == 3);
  const Tensor out[] = {empty_tensor(Dims{2}, DType::Float64)};
  shifted.out(out, x);
  CHECK(out[0].data<double>()[0] == 2);
  const uint32_t before = x.version();
  CHECK(shifted.inplace(x).same(x));
  CHECK(x.data<double>()[0] == 2);
  CHECK(x.version() > before);
  const Tensor meta = shifted(empty_tensor(Dims{3, 4}, DType::Float64, kMeta));
  CHECK(meta.is_meta());
  CHECK(meta.sizes() == Dims{3, 4});
}

TEST_CASE("an outside op is found by name, and by the signature it was declared with") {
  CHECK(&find_op("test_shifted") == &shifted);
  CHECK(&find_op<Tensor(const Tensor&)>("test_shifted") == &shifted);
  CHECK_THROWS_AS(find_op<Tensor(const Tensor&, int64_t)>("test_shifted"), TypeError);
  CHECK_THROWS(find_op("test_no_such_op"));
}

TEST_CASE("outside ops have gradients") {
  const Tensor x = column({1, 2}), y = column({0, 0});
  set_requires_grad(x, true);
  BackwardOptions options;
  options.accumulate = false;
  const Tensor roots[] = {squared_distance(shifted(x), y)}, grads[] = {Tensor()}, inputs[] = {x};
  const std::vector<Tensor> g = run_backward(roots, grads, options, inputs);
  CHECK(g[0].data<double>()[0] == 4);
  CHECK(g[0].data<double>()[1] == 6);
}

TEST_CASE("bad arguments are named") {
  const Tensor integers = empty_tensor(Dims{2}, DType::Int64);
  CHECK_THROWS_AS(shifted(integers), TypeError);
  CHECK_THROWS_AS(shifted(Tensor()), TypeError);
  try {
    shifted(integers);
  } catch (const TypeError& e) {
    const std::string text = e.what();
    CHECK(text.find("test_shifted") != std::string::npos);
    CHECK(text.find("self") != std::string::npos);
    CHECK(text.find("int64") != std::string::npos);
  }
}

TEST_CASE("a declaration that contradicts its schema is refused") {
  using Unary = Op<Tensor(const Tensor&)>;
  const auto meta = [](const Tensor& self) { return TensorSpec(self.sizes(), self.dtype(), self.device()); };
  const auto declare = [&](const char* schema) {
    Unary op{{.schema = schema, .meta = meta, .cpu = plus_one}};
  };
  CHECK_THROWS(declare("test_bad(Tensor self, int n) -> Tensor"));
  CHECK_THROWS(declare("test_bad(int self) -> Tensor"));
  CHECK_THROWS(declare("test_bad(Tensor self -> Tensor"));
  CHECK_THROWS(declare("test_shifted(Tensor self) -> Tensor"));  // the name is taken
  CHECK_THROWS(find_op("test_bad"));
}

TEST_CASE("an outside backend attaches its kernels") {
  const DeviceType type = claim_device_type("testdevice");
  CHECK(parse_device("testdevice").type == type);
  CHECK(to_string(Device{type, 0}) == "testdevice:0");
  static int calls = 0;
  shifted.attach(Device{type, 0}.key(), [](const Tensor&, const Tensor&) { ++calls; });
  const Tensor x = empty_tensor(Dims{2}, DType::Float64);
  shifted(x);
  CHECK(calls == 0);
  CHECK_THROWS_AS(parse_device("nosuchdevice"), ValueError);
}
