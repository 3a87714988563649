// Pooling, normalisation and softmax by oneDNN.
#include "onednn_reference.h"

using namespace plait;                    // NOLINT(google-build-using-namespace)
using namespace plait::cpu;               // NOLINT(google-build-using-namespace)
using namespace plait::cpu::onednn_test;  // NOLINT(google-build-using-namespace)

TEST_CASE("oneDNN pooling", "[onednn]") {
  REQUIRE_ONEDNN();
  const ConvCase cases[] = {
      {.x = {2, 3, 9}, .out = 3, .kernel = {3}, .stride = {2}},
      {.x = {2, 5, 8, 9}, .out = 5, .kernel = {2, 2}, .stride = {2, 2}},
      {.x = {2, 17, 9, 11}, .out = 17, .kernel = {3, 3}, .stride = {2, 2}, .begin = {1, 1}, .end = {1, 1}},
      {.x = {1, 4, 7, 7}, .out = 4, .kernel = {3, 2}, .stride = {1, 2}, .begin = {1, 0}, .end = {1, 1}},
      {.x = {2, 3, 5, 6, 7}, .out = 3, .kernel = {2, 2, 3}, .stride = {2, 2, 2}},
  };
  for (const ConvCase& k : cases)
    for (const bool last : {false, true})
      for (const Pool kind : {Pool::Max, Pool::AverageIncludePadding, Pool::AverageExcludePadding}) {
        INFO("case " << &k - cases << " channels last " << last << " kind " << static_cast<int>(kind));
        const Window window = window_of(k);
        const auto order = last ? channels_inside(k.x.size()) : std::vector<int>{};
        Array x(DType::Float32, k.x, order), y(DType::Float32, output_sizes(k, window), order, 0, false);
        Array dy(DType::Float32, y.sizes, order), dx(DType::Float32, k.x, order, 0, false);
        // Each channel by itself: a depthwise window with one filter per channel.
        Sizes w_sizes{k.out, 1};
        w_sizes.insert(w_sizes.end(), k.kernel.begin(), k.kernel.end());
        const Array filter(DType::Float32, w_sizes);
        Window depthwise = window;
        depthwise.groups = k.out;
        std::vector<Exact> want(static_cast<size_t>(y.size())), want_dx(static_cast<size_t>(x.size()));
        std::vector<int64_t> count(static_cast<size_t>(y.size()));
        for (Exact& e : want) e.value = kind == Pool::Max ? -1e30 : 0;
        each_term(x, filter, y, depthwise, [&](int64_t i, int64_t, int64_t to) {
          Exact& e = want[static_cast<size_t>(to)];
          ++count[static_cast<size_t>(to)];
          if (kind == Pool::Max)
            e.value = std::max(e.value, x.get(i));
          else
            e.add(x.get(i));
        });
        if (kind == Pool::AverageIncludePadding)
          for (int64_t& c : count) c = product(k.kernel);
        if (kind != Pool::Max)
          for (size_t i = 0; i < want.size(); ++i) want[i].value /= static_cast<double>(count[i]);
        each_term(x, filter, y, depthwise, [&](int64_t i, int64_t, int64_t to) {
          want_dx[static_cast<size_t>(i)].add(dy.get(to) /
                                              static_cast<double>(count[static_cast<size_t>(to)]));
        });
        REQUIRE(kernels()->pool_forward({.y = y.view(), .x = x.view(), .window = window, .kind = kind}));
        compare(y, want);
        const bool ok =
            kernels()->pool_backward({.dx = dx.view(), .dy = dy.view(), .window = window, .kind = kind});
        CHECK(ok == (kind != Pool::Max));
        if (ok) compare(dx, want_dx);
      }
}

TEST_CASE("oneDNN batch norm", "[onednn]") {
  REQUIRE_ONEDNN();
  const Sizes shapes[] = {{6, 5}, {3, 17, 4}, {4, 8, 5, 6}, {2, 3, 2, 3, 4}, {16, 12, 9, 11}};
  for (const Sizes& shape : shapes)
    for (const bool last : {false, true})
      for (const bool affine : {false, true})
        for (const bool training : {false, true}) {
          if (last && shape.size() < 3) continue;
          INFO("ndim " << shape.size() << " last " << last << " affine " << affine << " training "
                       << training);
          const auto order = last ? channels_inside(shape.size()) : std::vector<int>{};
          const int64_t channels = shape[1], plane = product(Sizes(shape.begin() + 2, shape.end()));
          const double count = static_cast<double>(product(shape) / channels);
          Array x(DType::Float32, shape, order), y(DType::Float32, shape, order, 0, false);
          Array dy(DType::Float32, shape, order), dx(DType::Float32, shape, order, 0, false);
          Array scale(DType::Float32, {channels}), shift(DType::Float32, {channels});
          Array mean(DType::Float32, {channels}), var(DType::Float32, {channels});
          Array dscale(DType::Float32, {channels}, {}, 0, false),
              dshift(DType::Float32, {channels}, {}, 0, false);
          auto channel = [&](int64_t i) { return i / plane % channels; };
          std::vector<Exact> m(static_cast<size_t>(channels)), v(m), sum_dy(m), sum_dyx(m),
              want(size_t(x.size())), want_dx(want);
          if (training) {
            for (int64_t i = 0; i < x.size(); ++i) m[size_t(channel(i))].add(x.get(i) / count);
            for (int64_t i = 0; i < x.size(); ++i)
              v[size_t(channel(i))].add(std::pow(x.get(i) - m[size_t(channel(i))].value, 2) / count);
          } else {
            for (int64_t c = 0; c < channels; ++c) {
              var.set(c, 0.5 + std::abs(var.get(c)));
              m[size_t(c)].add(mean.get(c));
              v[size_t(c)].add(var.get(c));
            }
          }
          const double eps = 1e-3;
          auto normal = [&](int64_t i) {
            const auto c = size_t(channel(i));
            return (x.get(i) - m[c].value) / std::sqrt(v[c].value + eps);
          };
          auto gamma = [&](int64_t i) { return affine ? scale.get(channel(i)) : 1.0; };
          for (int64_t i = 0; i < x.size(); ++i) {
            want[size_t(i)].add(gamma(i) * normal(i));
            if (affine) want[size_t(i)].add(shift.get(channel(i)));
            want[size_t(i)].magnitude += 4;  // x and the mean, of magnitude 1, over a deviation of about 1/2
            sum_dy[size_t(channel(i))].add(dy.get(i));
            sum_dyx[size_t(channel(i))].add(dy.get(i) * normal(i));
          }
          for (int64_t i = 0; i < x.size(); ++i) {
            const auto c = size_t(channel(i));
            const double factor = gamma(i) / std::sqrt(v[c].value + eps);
            want_dx[size_t(i)].add(factor * dy.get(i));
            if (training) {
              want_dx[size_t(i)].add(-factor * sum_dy[c].value / count);
              want_dx[size_t(i)].add(-factor * normal(i) * sum_dyx[c].value / count);
            }
            want_dx[size_t(i)].magnitude += 4;
          }
          for (Exact& e : sum_dyx) e.magnitude *= 4;  // each term has the normalised value's error
          REQUIRE(kernels()->batch_norm_forward({.y = y.view(),
                                                 .x = x.view(),
                                                 .scale = affine ? scale.floats() : nullptr,
                                                 .shift = affine ? shift.floats() : nullptr,
                                                 .mean = mean.floats(),
                                                 .var = var.floats(),
                                                 .epsilon = 1e-3f,
                                                 .training = training}));
          compare(y, want);
          compare(mean, m);
          compare(var, v);
          REQUIRE(kernels()->batch_norm_backward({.dx = dx.view(),
                                                  .dy = dy.view(),
                                                  .x = x.view(),
                                                  .scale = affine ? scale.floats() : nullptr,
                                                  .mean = mean.floats(),
                                                  .var = var.floats(),
                                                  .dscale = affine ? dscale.floats() : nullptr,
                                                  .dshift = affine ? dshift.floats() : nullptr,
                                                  .epsilon = 1e-3f,
                                                  .training = training}));
          compare(dx, want_dx);
          if (affine) {
            compare(dscale, sum_dyx);
            compare(dshift, sum_dy);
          }
        }
}

TEST_CASE("oneDNN layer norm", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const Sizes& shape : {Sizes{1, 5}, Sizes{7, 33}, Sizes{3, 4, 65}, Sizes{64, 300}})
    for (const bool affine : {false, true}) {
      const int64_t n = shape.back(), rows = product(shape) / n;
      INFO("rows " << rows << " of " << n << " affine " << affine);
      Sizes row_sizes{rows};
      Array x(DType::Float32, shape), y(DType::Float32, shape, {}, 0, false), dy(DType::Float32, shape);
      Array dx(DType::Float32, shape, {}, 0, false), scale(DType::Float32, {n}), shift(DType::Float32, {n});
      Array mean(DType::Float32, row_sizes, {}, 0, false), var(DType::Float32, row_sizes, {}, 0, false);
      Array dscale(DType::Float32, {n}, {}, 0, false), dshift(DType::Float32, {n}, {}, 0, false);
      std::vector<Exact> m{size_t(rows)}, v(m), want(size_t(x.size())), want_dx(want),
          want_scale(size_t(n), Exact{});
      m.assign(size_t(rows), Exact{});
      v = m;
      std::vector<Exact> want_shift(size_t(n), Exact{});
      const double eps = 1e-5, count = static_cast<double>(n);
      for (int64_t i = 0; i < x.size(); ++i) m[size_t(i / n)].add(x.get(i) / count);
      for (int64_t i = 0; i < x.size(); ++i)
        v[size_t(i / n)].add(std::pow(x.get(i) - m[size_t(i / n)].value, 2) / count);
      auto normal = [&](int64_t i) {
        return (x.get(i) - m[size_t(i / n)].value) / std::sqrt(v[size_t(i / n)].value + eps);
      };
      auto gamma = [&](int64_t i) { return affine ? scale.get(i % n) : 1.0; };
      std::vector<double> sum_g(size_t(rows), 0), sum_gx(size_t(rows), 0);
      for (int64_t i = 0; i < x.size(); ++i) {
        want[size_t(i)].add(gamma(i) * normal(i));
        if (affine) want[size_t(i)].add(shift.get(i % n));
        want[size_t(i)].magnitude += 4;
        sum_g[size_t(i / n)] += gamma(i) * dy.get(i);
        sum_gx[size_t(i / n)] += gamma(i) * dy.get(i) * normal(i);
        want_scale[size_t(i % n)].add(dy.get(i) * normal(i));
        want_shift[size_t(i % n)].add(dy.get(i));
      }
      for (int64_t i = 0; i < x.size(); ++i) {
        const double inverse = 1 / std::sqrt(v[size_t(i / n)].value + eps);
        want_dx[size_t(i)].add(inverse * gamma(i) * dy.get(i));
        want_dx[size_t(i)].add(-inverse * sum_g[size_t(i / n)] / count);
        want_dx[size_t(i)].add(-inverse * normal(i) * sum_gx[size_t(i / n)] / count);
        want_dx[size_t(i)].magnitude += 4;
      }
      for (Exact& e : want_scale) e.magnitude *= 4;
      REQUIRE(kernels()->layer_norm_forward({.y = y.view(),
                                             .x = x.view(),
                                             .scale = affine ? scale.floats() : nullptr,
                                             .shift = affine ? shift.floats() : nullptr,
                                             .mean = mean.floats(),
                                             .var = var.floats()}));
      compare(y, want);
      compare(mean, m);
      compare(var, v);
      REQUIRE(kernels()->layer_norm_backward({.dx = dx.view(),
                                              .dy = dy.view(),
                                              .x = x.view(),
                                              .scale = affine ? scale.floats() : nullptr,
                                              .mean = mean.floats(),
                                              .var = var.floats(),
                                              .dscale = affine ? dscale.floats() : nullptr,
                                              .dshift = affine ? dshift.floats() : nullptr}));
      compare(dx, want_dx);
      if (affine) {
        compare(dscale, want_scale);
        compare(dshift, want_shift);
      }
      // Without statistics, as inference does it.
      REQUIRE(kernels()->layer_norm_forward({.y = y.view(),
                                             .x = x.view(),
                                             .scale = affine ? scale.floats() : nullptr,
                                             .shift = affine ? shift.floats() : nullptr}));
      compare(y, want);
    }
}

TEST_CASE("oneDNN softmax", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const Sizes& shape : {Sizes{9}, Sizes{7, 33}, Sizes{3, 5, 4}, Sizes{40, 300}})
    for (int axis = -1; axis < static_cast<int>(shape.size()); ++axis)
      for (const bool log : {false, true}) {
        const size_t dim = axis < 0 ? shape.size() - 1 : static_cast<size_t>(axis);
        INFO("ndim " << shape.size() << " axis " << axis << " log " << log);
        Array x(DType::Float32, shape), y(DType::Float32, shape, {}, 0, false), dy(DType::Float32, shape);
        Array dx(DType::Float32, shape, {}, 0, false);
        const int64_t inner =
            product(Sizes(shape.begin() + static_cast<std::ptrdiff_t>(dim) + 1, shape.end()));
        auto slice = [&](int64_t i) { return i / (inner * shape[dim]) * inner + i % inner; };
        std::vector<double> sum(size_t(x.size() / shape[dim]), 0), dot(sum);
        std::vector<Exact> want(size_t(x.size()), Exact{}), want_dx(want);
        for (int64_t i = 0; i < x.size(); ++i) sum[size_t(slice(i))] += std::exp(x.get(i));
        for (int64_t i = 0; i < x.size(); ++i) {
          const double p = std::exp(x.get(i)) / sum[size_t(slice(i))];
          want[size_t(i)].add(log ? std::log(p) : p);
          // log p is a difference of x and the logarithm of the sum, each rounded.
          if (log) want[size_t(i)].magnitude += 1 + std::log(static_cast<double>(shape[dim]));
          dot[size_t(slice(i))] += log ? dy.get(i) : dy.get(i) * p;
        }
        for (int64_t i = 0; i < x.size(); ++i) {
          const double p = std::exp(x.get(i)) / sum[size_t(slice(i))];
          want_dx[size_t(i)].add(log ? dy.get(i) : p * dy.get(i));
          want_dx[size_t(i)].add(-p * dot[size_t(slice(i))]);
          // exp is a polynomial, and the dot product's own error counts too.
          want_dx[size_t(i)].magnitude += p * static_cast<double>(shape[dim]);
        }
        const bool ok = kernels()->softmax_forward({.y = y.view(), .x = x.view(), .axis = axis, .log = log});
        if (dim + 1 == shape.size()) REQUIRE(ok);  // other axes may be refused
        if (ok) compare(y, want);
        // The backward is given the exact result, rounded. Refused without AVX-512.
        for (int64_t i = 0; i < y.size(); ++i) y.set(i, want[size_t(i)].value);
        if (kernels()->softmax_backward(
                {.dx = dx.view(), .dy = dy.view(), .y = y.view(), .axis = axis, .log = log}))
          compare(dx, want_dx);
      }
}
