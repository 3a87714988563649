// Convolutions by oneDNN.
#include "onednn_reference.h"

using namespace plait;                    // NOLINT(google-build-using-namespace)
using namespace plait::cpu;               // NOLINT(google-build-using-namespace)
using namespace plait::cpu::onednn_test;  // NOLINT(google-build-using-namespace)

namespace {

const ConvCase kConvCases[] = {
    {.x = {2, 3, 9}, .out = 5, .kernel = {3}},
    {.x = {2, 4, 12},
     .out = 6,
     .kernel = {4},
     .groups = 2,
     .stride = {2},
     .dilation = {2},
     .begin = {3},
     .end = {1}},
    {.x = {1, 1, 6, 7}, .out = 1, .kernel = {3, 2}},
    {.x = {2, 3, 11, 8}, .out = 7, .kernel = {3, 3}, .stride = {2, 1}, .begin = {1, 1}, .end = {1, 1}},
    {.x = {2, 5, 9, 10}, .out = 9, .kernel = {3, 2}, .dilation = {2, 3}, .begin = {2, 0}, .end = {1, 3}},
    {.x = {3, 16, 10, 10}, .out = 24, .kernel = {3, 3}, .begin = {1, 1}, .end = {1, 1}},
    // Channels by eights, of one to three dimensions.
    {.x = {2, 24, 130}, .out = 40, .kernel = {3}, .begin = {1}, .end = {1}},
    {.x = {2, 64, 12, 11}, .out = 16, .kernel = {3, 3}, .dilation = {1, 2}, .begin = {1, 1}, .end = {1, 2}},
    {.x = {1, 24, 5, 6, 7}, .out = 8, .kernel = {3, 1, 3}, .begin = {1, 0, 1}, .end = {1, 0, 1}},
    {.x = {2, 16, 8, 8}, .out = 32, .kernel = {1, 1}},
    {.x = {2, 16, 8, 8}, .out = 20, .kernel = {1, 1}, .stride = {2, 2}},
    {.x = {2, 12, 9, 9},
     .out = 12,
     .kernel = {3, 3},
     .groups = 12,
     .begin = {1, 1},
     .end = {1, 1}},  // depthwise
    {.x = {2, 16, 7, 7}, .out = 32, .kernel = {3, 3}, .groups = 16, .begin = {1, 1}, .end = {1, 1}},
    {.x = {2, 12, 9, 9},
     .out = 18,
     .kernel = {3, 3},
     .groups = 3,
     .stride = {2, 2},
     .begin = {1, 1},
     .end = {1, 1}},
    {.x = {2, 130, 5, 5}, .out = 16, .kernel = {3, 3}, .begin = {1, 1}, .end = {1, 1}},
    {.x = {1, 3, 30, 30}, .out = 16, .kernel = {7, 7}, .stride = {2, 2}, .begin = {3, 3}, .end = {3, 3}},
    {.x = {1, 8, 6, 6},
     .out = 8,
     .kernel = {5, 5},
     .begin = {4, 4},
     .end = {4, 4}},  // as transposed ones use it
    {.x = {2, 3, 5, 6, 7}, .out = 4, .kernel = {3, 2, 3}, .begin = {1, 0, 1}, .end = {1, 1, 1}},
    {.x = {1, 8, 5, 6, 5},
     .out = 8,
     .kernel = {3, 3, 3},
     .groups = 2,
     .stride = {2, 1, 2},
     .begin = {1, 1, 1},
     .end = {1, 1, 1}},
};

// Layouts of x and y: contiguous, channels-last, mixed, with gaps.
struct Placement {
  bool x_last, y_last;
  int64_t gap;
};
constexpr Placement kPlacements[] = {
    {false, false, 0}, {true, true, 0}, {false, true, 0}, {true, false, 0}, {false, false, 3}};

}  // namespace

TEST_CASE("oneDNN convolution: forward and backward", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const DType dtype : kDTypes)
    for (const ConvCase& k : kConvCases)
      for (const Placement& p : kPlacements) {
        INFO("case " << &k - kConvCases << " placement " << &p - kPlacements << " dtype "
                     << static_cast<int>(dtype));
        const Window window = window_of(k);
        const auto last = channels_inside(k.x.size());
        Sizes w_sizes{k.out, k.x[1] / k.groups};
        w_sizes.insert(w_sizes.end(), k.kernel.begin(), k.kernel.end());
        Array x(dtype, k.x, p.x_last ? last : std::vector<int>{}, p.gap);
        Array w(dtype, w_sizes, p.x_last ? last : std::vector<int>{});
        Array y(dtype, output_sizes(k, window), p.y_last ? last : std::vector<int>{}, p.gap, false);
        Array bias(dtype, {k.out});
        const View bias_view = bias.view();
        const std::vector<double> xs = x.values(), ws = w.values();

        // Forward, with bias and relu.
        for (const bool fused : {false, true}) {
          const bool ok = kernels()->conv_forward({.y = y.view(),
                                                   .x = x.view(),
                                                   .w = w.view(),
                                                   .bias = fused ? &bias_view : nullptr,
                                                   .window = window,
                                                   .epilogue = fused ? Epilogue::Relu : Epilogue::None});
          if (!taken(ok, dtype)) continue;
          std::vector<Exact> want(static_cast<size_t>(y.size()));
          each_term(x, w, y, window, [&](int64_t i, int64_t j, int64_t to) {
            want[static_cast<size_t>(to)].add(xs[static_cast<size_t>(i)] * ws[static_cast<size_t>(j)]);
          });
          const int64_t plane = product(Sizes(y.sizes.begin() + 2, y.sizes.end()));
          if (fused)
            for (int64_t i = 0; i < y.size(); ++i) {
              Exact& e = want[static_cast<size_t>(i)];
              e.add(bias.get(i / plane % k.out));
              e.value = epilogue(Epilogue::Relu, e.value);
            }
          compare(y, want);
        }

        // Backward: all at once, then dx and dw alone.
        Array dy(dtype, y.sizes, p.y_last ? last : std::vector<int>{}, p.gap);
        Array dx(dtype, k.x, p.x_last ? last : std::vector<int>{}, p.gap, false),
            dw(dtype, w_sizes, {}, 0, false);
        Array db(dtype, {k.out}, {}, 0, false);
        const View xv = x.view(), wv = w.view(), dxv = dx.view(), dwv = dw.view(), dbv = db.view();
        bool ok = kernels()->conv_backward(
            {.dy = dy.view(), .x = &xv, .w = &wv, .dx = &dxv, .dw = &dwv, .db = &dbv, .window = window});
        if (!taken(ok, dtype)) continue;

        std::vector<Exact> want_dx(static_cast<size_t>(x.size())), want_dw(static_cast<size_t>(w.size()));
        std::vector<Exact> want_db(static_cast<size_t>(k.out));
        const std::vector<double> dys = dy.values();
        each_term(x, w, y, window, [&](int64_t i, int64_t j, int64_t to) {
          const double grad = dys[static_cast<size_t>(to)];
          want_dx[static_cast<size_t>(i)].add(grad * ws[static_cast<size_t>(j)]);
          want_dw[static_cast<size_t>(j)].add(grad * xs[static_cast<size_t>(i)]);
        });
        const int64_t plane = product(Sizes(y.sizes.begin() + 2, y.sizes.end()));
        for (int64_t i = 0; i < dy.size(); ++i)
          want_db[static_cast<size_t>(i / plane % k.out)].add(dy.get(i));
        compare(dx, want_dx);
        compare(dw, want_dw);
        compare(db, want_db);
        for (int64_t i = 0; i < dx.size(); ++i) dx.set(i, -77);
        for (int64_t i = 0; i < dw.size(); ++i) dw.set(i, -77);
        REQUIRE(kernels()->conv_backward({.dy = dy.view(), .w = &wv, .dx = &dxv, .window = window}));
        REQUIRE(kernels()->conv_backward({.dy = dy.view(), .x = &xv, .dw = &dwv, .window = window}));
        compare(dx, want_dx);
        compare(dw, want_dw);
      }
}

TEST_CASE("oneDNN convolution: a kept weight follows its stamp", "[onednn]") {
  REQUIRE_ONEDNN();
  const ConvCase k{.x = {2, 16, 9, 9}, .out = 24, .kernel = {3, 3}};
  const Window window = window_of(k);
  Array x(DType::Float32, k.x), w(DType::Float32, {24, 16, 3, 3}),
      y(DType::Float32, {2, 24, 7, 7}, {}, 0, false);
  for (Stamp stamp = 1; stamp < 4; ++stamp) {
    for (int64_t i = 0; i < w.size(); ++i) w.set(i, -0.7 * w.get(i));
    std::vector<Exact> want(static_cast<size_t>(y.size()));
    each_term(x, w, y, window, [&](int64_t i, int64_t j, int64_t to) {
      want[static_cast<size_t>(to)].add(x.get(i) * w.get(j));
    });
    for (int twice = 0; twice < 2; ++twice) {
      for (int64_t i = 0; i < y.size(); ++i) y.set(i, -77);
      REQUIRE(kernels()->conv_forward(
          {.y = y.view(), .x = x.view(), .w = w.view(), .window = window, .w_stamp = 1000 + stamp}));
      compare(y, want);
    }
  }
  kernels()->clear_caches();
}

TEST_CASE("oneDNN convolution: impossible shapes raise with the shapes in the message", "[onednn]") {
  REQUIRE_ONEDNN();
  Array x(DType::Float32, {1, 4, 5, 5}), w(DType::Float32, {6, 4, 3, 3}), y(DType::Float32, {1, 6, 4, 4});
  CHECK_THROWS_WITH(kernels()->conv_forward({.y = y.view(), .x = x.view(), .w = w.view()}),
                    ContainsSubstring("conv forward") && ContainsSubstring("(1, 4, 5, 5)"));
}
