// Matrix products by oneDNN, and the caches.
#include "onednn_reference.h"

using namespace plait;                    // NOLINT(google-build-using-namespace)
using namespace plait::cpu;               // NOLINT(google-build-using-namespace)
using namespace plait::cpu::onednn_test;  // NOLINT(google-build-using-namespace)

namespace {

struct MatmulOptions {
  const char* bias = "";  // "yes"
  Epilogue epilogue = Epilogue::None;
  float alpha = 1, beta = 0;
  Stamp stamp = kDoNotKeep;
};

// The matrix of `operand` that the `matrix`-th of `c` is made from: batch dimensions of size 1 are broadcast.
int64_t batch_of(const Array& operand, const Array& c, int64_t matrix) {
  int64_t batch = 0, step = 1;
  for (size_t d = c.sizes.size() - 2; d-- > 0;) {
    if (operand.sizes[d] != 1) batch += matrix % c.sizes[d] * step;
    step *= operand.sizes[d];
    matrix /= c.sizes[d];
  }
  return batch;
}

void check_matmul(Array& c, Array& a, Array& b, const MatmulOptions& options = {}) {
  const size_t n = c.sizes.size();
  Array bias(c.dtype, {c.sizes[n - 1]});
  const Array before = c;
  const View bias_view = bias.view();
  const bool ok = kernels()->matmul({.c = c.view(),
                                     .a = a.view(),
                                     .b = b.view(),
                                     .bias = *options.bias ? &bias_view : nullptr,
                                     .epilogue = options.epilogue,
                                     .alpha = options.alpha,
                                     .beta = options.beta,
                                     .b_stamp = options.stamp});
  if (!taken(ok, c.dtype)) return;

  std::vector<Exact> want(static_cast<size_t>(c.size()));
  const std::vector<double> as = a.values(), bs = b.values(), biases = bias.values();
  const int64_t rows = c.sizes[n - 2], columns = c.sizes[n - 1], depth = a.sizes[n - 1];
  for (int64_t i = 0; i < c.size(); ++i) {
    const int64_t row = i / columns % rows, column = i % columns, matrix = i / columns / rows;
    const double* left = as.data() + (batch_of(a, c, matrix) * rows + row) * depth;
    const double* right = bs.data() + batch_of(b, c, matrix) * depth * columns + column;
    Exact sum;
    for (int64_t k = 0; k < depth; ++k) sum.add(options.alpha * left[k] * right[k * columns]);
    if (*options.bias) sum.add(biases[static_cast<size_t>(column)]);
    if (options.beta != 0) sum.add(options.beta * before.get(i));
    sum.value = epilogue(options.epilogue, sum.value);
    want[static_cast<size_t>(i)] = sum;
  }
  const bool gelu = options.epilogue == Epilogue::GeluErf || options.epilogue == Epilogue::GeluTanh;
  compare(c, want, gelu ? 2e-6 : 0);
}

}  // namespace

TEST_CASE("oneDNN matmul: shapes, transposes, leading dimensions", "[onednn]") {
  REQUIRE_ONEDNN();
  const Sizes shapes[] = {{1, 1, 1},      {1, 7, 5},     {5, 1, 3},      {3, 4, 1},      {8, 8, 8},
                          {17, 19, 23},   {64, 33, 70},  {2, 300, 280},  {20, 500, 200}, {70, 65, 257},
                          {1, 1000, 300}, {5, 512, 300}, {140, 512, 40}, {512, 70, 260}};
  for (const DType dtype : kDTypes)
    for (const Sizes& s : shapes)
      for (int layout = 0; layout < 16; ++layout) {
        const std::vector<int> rows{0, 1}, columns{1, 0};
        Array a(dtype, {s[0], s[2]}, layout & 1 ? columns : rows, layout & 4 ? 3 : 0);
        Array b(dtype, {s[2], s[1]}, layout & 2 ? columns : rows, layout & 4 ? 5 : 0);
        Array c(dtype, {s[0], s[1]}, layout & 8 ? columns : rows, layout & 4 ? 2 : 0, false);
        INFO(s[0] << "x" << s[1] << "x" << s[2] << " layout " << layout << " dtype "
                  << static_cast<int>(dtype));
        check_matmul(c, a, b);
      }
}

TEST_CASE("oneDNN matmul: bias, epilogue, alpha, beta", "[onednn]") {
  REQUIRE_ONEDNN();
  const Sizes shapes[] = {{1, 9, 4}, {6, 9, 4}, {8, 400, 200}, {150, 140, 60}, {5, 512, 280}};
  for (const DType dtype : kDTypes)
    for (const Sizes& s : shapes)
      for (const Epilogue e : {Epilogue::None, Epilogue::Relu, Epilogue::GeluTanh, Epilogue::GeluErf})
        for (const char* bias : {"", "yes"})
          for (const float beta : {0.0f, 1.0f, 0.5f})
            for (const float alpha : {1.0f, 0.25f}) {
              const std::vector<int> order = s[1] == 512 ? std::vector{0, 1} : std::vector{1, 0};
              Array a(dtype, {s[0], s[2]}), b(dtype, {s[2], s[1]}, order), c(dtype, {s[0], s[1]});
              INFO(s[0] << "x" << s[1] << "x" << s[2] << " epilogue " << static_cast<int>(e) << " bias "
                        << bias << " beta " << beta << " alpha " << alpha << " dtype "
                        << static_cast<int>(dtype));
              check_matmul(c, a, b, {.bias = bias, .epilogue = e, .alpha = alpha, .beta = beta});
            }
}

TEST_CASE("oneDNN matmul: batches and broadcasting", "[onednn]") {
  REQUIRE_ONEDNN();
  struct Case {
    Sizes c, a, b;
    std::vector<int> c_order, a_order, b_order;
  };
  const Case cases[] = {
      {{3, 5, 7}, {3, 5, 4}, {3, 4, 7}, {}, {}, {}},
      {{3, 5, 7}, {3, 5, 4}, {1, 4, 7}, {}, {}, {}},  // folds into rows
      {{3, 5, 7}, {1, 5, 4}, {3, 4, 7}, {}, {}, {}},
      {{3, 1, 7}, {3, 1, 4}, {1, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {2, 3, 5, 4}, {2, 3, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {2, 1, 5, 4}, {1, 3, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {1, 1, 5, 4}, {2, 3, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {2, 3, 5, 4}, {2, 3, 4, 7}, {0, 2, 1, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}},  // attention's
                                                                                             // layouts
      {{2, 3, 65, 70}, {2, 3, 65, 40}, {2, 3, 40, 70}, {}, {0, 2, 1, 3}, {0, 1, 3, 2}},
      {{2, 2, 2, 2, 3, 4}, {2, 2, 1, 2, 3, 5}, {2, 1, 2, 2, 5, 4}, {}, {}, {}},
  };
  for (const DType dtype : kDTypes)
    for (const Case& k : cases) {
      Array c(dtype, k.c, k.c_order, 0, false), a(dtype, k.a, k.a_order), b(dtype, k.b, k.b_order);
      INFO("case " << &k - cases << " dtype " << static_cast<int>(dtype));
      check_matmul(c, a, b);
      check_matmul(c, a, b, {.bias = "yes", .epilogue = Epilogue::Relu});
      check_matmul(c, a, b, {.alpha = 0.125f, .beta = 1});
    }
}

TEST_CASE("oneDNN matmul: expanded batches have stride 0", "[onednn]") {
  REQUIRE_ONEDNN();
  Array a(DType::Float32, {4, 6, 5}), b(DType::Float32, {1, 5, 3}),
      c(DType::Float32, {4, 6, 3}, {}, 0, false);
  b.sizes[0] = 4;
  b.strides[0] = 0;
  check_matmul(c, a, b);
}

TEST_CASE("oneDNN matmul: refuses what it cannot express", "[onednn]") {
  REQUIRE_ONEDNN();
  Array a(DType::Float32, {4, 6}), b(DType::Float32, {6, 4}), c(DType::Float32, {4, 4});
  Array wide(DType::Float32, {4, 12});
  wide.sizes[1] = 6;
  wide.strides[1] = 2;  // no unit stride
  CHECK_FALSE(kernels()->matmul({.c = c.view(), .a = wide.view(), .b = b.view()}));
  a.strides = {0, 1};  // an expanded row
  CHECK_FALSE(kernels()->matmul({.c = c.view(), .a = a.view(), .b = b.view()}));
  a.strides = {6, 1};
  View integers = a.view();
  integers.dtype = DType::Int32;
  CHECK_FALSE(kernels()->matmul({.c = c.view(), .a = integers, .b = b.view()}));
}

TEST_CASE("oneDNN matmul: a kept weight follows its stamp", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const bool transposed : {false, true}) {
    Array a(DType::Float32, {8, 96}), c(DType::Float32, {8, 130}, {}, 0, false);
    Array b(DType::Float32, {96, 130}, transposed ? std::vector<int>{1, 0} : std::vector<int>{0, 1});
    const Stamp stamp = transposed ? 100 : 10;
    check_matmul(c, a, b, {.bias = "yes", .epilogue = Epilogue::GeluErf, .stamp = stamp});
    check_matmul(c, a, b, {.stamp = stamp});
    for (int64_t i = 0; i < b.size(); ++i) b.set(i, 0.5 * b.get(i) + 0.1);
    check_matmul(c, a, b, {.stamp = stamp + 1});
    // The old stamp's packing is gone with its content.
    for (int64_t i = 0; i < b.size(); ++i) b.set(i, b.get(i) + 1);
    check_matmul(c, a, b, {.stamp = stamp});
  }
  kernels()->clear_caches();
}

TEST_CASE("oneDNN matmul: NaN passes the relu", "[onednn]") {
  REQUIRE_ONEDNN();
  Array a(DType::Float32, {2, 2}), b(DType::Float32, {2, 2}), c(DType::Float32, {2, 2});
  a.set(0, std::numeric_limits<double>::quiet_NaN());
  REQUIRE(kernels()->matmul({.c = c.view(), .a = a.view(), .b = b.view(), .epilogue = Epilogue::Relu}));
  CHECK(std::isnan(c.get(0)));
  CHECK_FALSE(std::isnan(c.get(2)));
}

TEST_CASE("oneDNN: threads, and more shapes than the cache holds", "[onednn]") {
  REQUIRE_ONEDNN();
  std::vector<std::string> errors(3);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < errors.size(); ++t)
    threads.emplace_back([&errors, t] {
      for (int64_t round = 0; round < 2; ++round)
        for (int64_t n = 1; n <= 700 && errors[t].empty(); ++n) {
          std::vector<float> a(static_cast<size_t>(n), 2), c(1);
          const Sizes sizes_a{1, 1, n}, one{1, 1, 1};
          const Sizes strides_a{n, n, 1}, strides_b{n, 1, 1};
          const Sizes sizes_b{1, n, 1};
          const float alpha = 0.5f;
          const View va{a.data(), sizes_a.data(), strides_a.data(), 3, DType::Float32};
          const View vb{a.data(), sizes_b.data(), strides_b.data(), 3, DType::Float32};
          const View vc{c.data(), one.data(), one.data(), 3, DType::Float32};
          for (const Epilogue e : {Epilogue::GeluErf, Epilogue::GeluTanh})  // by a primitive, not by sgemm
            if (!kernels()->matmul({.c = vc, .a = va, .b = vb, .epilogue = e, .alpha = alpha}))
              errors[t] = "refused";
          const double want = epilogue(Epilogue::GeluTanh, 2.0 * static_cast<double>(n));
          if (std::abs(c[0] - want) > 1e-4 * want) errors[t] = "wrong at " + std::to_string(n);
        }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
}
