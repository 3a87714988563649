#include "ops/cpu/depthwise_conv.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/depthwise.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;           // multiply-adds of four
constexpr int64_t kBufferBytes = 20 << 10;  // a part of the first-level cache
constexpr int64_t kVectorBytes = 64;        // the widest

int64_t floor_div(int64_t a, int64_t b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }
int64_t round_up(int64_t a, int64_t to) { return (a + to - 1) / to * to; }

// What a kind of results meets along a dimension: place k of the filter, and where in the buffer.
struct Meeting {
  int64_t k, part, at;
};

// A Depthwise with the lists that it points to.
class Plan : public Depthwise {
 public:
  Plan(const Dims& from, const Dims& filter, const Dims& to, const ConvParams& params, bool transposed,
       int64_t itemsize) {
    const int n = static_cast<int>(params.stride.size());
    for (int i = 0; i < n; ++i) {
      const auto at = static_cast<size_t>(i);
      axes[3 - n + i] = {.from = from[2 + i],
                         .to = to[2 + i],
                         .kernel = filter[2 + i],
                         .stride = params.stride[at],
                         .pad = params.padding[at],
                         .dilation = params.dilation[at],
                         .transposed = transposed};
    }
    const std::vector<std::vector<Meeting>> rows = meetings(1), columns = meetings(2);
    const int64_t vector = kVectorBytes / itemsize;
    int64_t beyond = 0;
    for (const auto& kind : columns)
      for (const Meeting& m : kind) beyond = std::max(beyond, m.at);
    const DepthwiseAxis &y = axes[1], &x = axes[2];
    part_needed = beyond + (x.to + x.kinds() - 1) / x.kinds();
    part_length = round_up(part_needed + vector, vector);
    row_length = part_length * x.parts();
    rows_beyond = 0;
    for (const auto& kind : rows)
      for (const Meeting& m : kind) rows_beyond = std::max(rows_beyond, m.at * y.parts() + m.part);
    for (const auto& row : rows)
      for (const auto& column : columns) {
        first_.push_back(static_cast<int64_t>(taps_.size()));
        for (const Meeting& r : row)
          for (const Meeting& c : column)
            taps_.push_back({(r.at * y.parts() + r.part) * row_length + c.part * part_length + c.at,
                             r.k * x.kernel + c.k});
      }
    first_.push_back(static_cast<int64_t>(taps_.size()));
    taps = taps_.data();
    first = first_.data();
    // Bands so high that few rows are filled twice.
    const int64_t rows_in_cache = kBufferBytes / itemsize / row_length;
    const int64_t steps =
        std::max({(rows_in_cache - rows_beyond) / y.parts(), rows_beyond / y.parts() + 1, int64_t{1}});
    band_rows = std::min(steps, (y.to + y.kinds() - 1) / y.kinds()) * y.kinds();
    const int64_t buffer_rows = (band_rows / y.kinds() - 1) * y.parts() + rows_beyond + 1;
    weights_at = buffer_rows * row_length + vector;
    sums_at = weights_at + round_up(first_.back(), vector);
    workspace = sums_at + first_.back() * vector;
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

 private:
  std::vector<std::vector<Meeting>> meetings(int dimension) {
    const DepthwiseAxis& a = axes[dimension];
    std::vector<std::vector<Meeting>> kinds(static_cast<size_t>(a.kinds()));
    std::vector<uint8_t>& used_parts = used_[dimension];
    used_parts.assign(static_cast<size_t>(a.parts()), 0);
    shift[dimension] = -a.pad;
    if (a.transposed) shift[dimension] = floor_div(a.pad - (a.kernel - 1) * a.dilation, a.stride);
    for (int64_t kind = 0; kind < a.kinds(); ++kind)
      for (int64_t k = 0; k < a.kernel; ++k) {
        Meeting m{k, k * a.dilation % a.parts(), k * a.dilation / a.parts()};
        if (a.transposed) {
          const int64_t distance = kind + a.pad - k * a.dilation;
          if (distance % a.stride != 0) continue;
          m.part = 0;
          m.at = distance / a.stride - shift[dimension];
        }
        used_parts[static_cast<size_t>(m.part)] = 1;
        kinds[static_cast<size_t>(kind)].push_back(m);
      }
    used[dimension] = used_parts.data();
    return kinds;
  }

  std::vector<uint8_t> used_[3];
  std::vector<DepthwiseTap> taps_;
  std::vector<int64_t> first_;
};

template <class F>
void with_type(DType dtype, const F& f) {
  dtype == DType::Float64 ? f.template operator()<double>(depthwise_table().f64)
                          : f.template operator()<float>(depthwise_table().f32);
}

// f(number, workspace) for numbers below `count`, each of so much work.
template <class T, class F>
void over(int64_t count, const Depthwise& plan, int64_t work, const F& f) {
  parallel_for(0, count, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work / 4)),
               [&](int64_t begin, int64_t end) {
                 const size_t bytes = static_cast<size_t>(plan.workspace) * sizeof(T);
                 const Workspace memory(static_cast<int64_t>(bytes));
                 std::memset(memory.data(), 0, bytes);
                 for (int64_t i = begin; i < end; ++i) f(i, static_cast<T*>(memory.data()));
               });
}

}  // namespace

bool is_depthwise(const Dims& weight, const ConvParams& params) {
  return params.groups > 1 && weight[1] == 1;
}

void depthwise_forward(const Tensor& y, const Tensor& x, const Tensor& weight, const Tensor& bias,
                       const ConvParams& params) {
  const Plan plan(x.sizes(), weight.sizes(), y.sizes(), params, false, itemsize(y.dtype()));
  const int64_t channels = y.sizes()[1], filters = channels / params.groups;
  with_type(y.dtype(), [&]<class T>(const DepthwisePlanes<T>& k) {
    over<T>(y.sizes()[0] * channels, plan, plan.to_size() * plan.filter_size(), [&](int64_t i, T* memory) {
      const int64_t channel = i % channels;
      k.convolve(
          plan, x.data<T>() + i / filters * plan.from_size(), weight.data<T>() + channel * plan.filter_size(),
          bias.defined() ? bias.data<T>()[channel] : T(0), false, y.data<T>() + i * plan.to_size(), memory);
    });
  });
}

void depthwise_input_grad(const Tensor& dx, const Tensor& dy, const Tensor& weight,
                          const ConvParams& params) {
  const Plan plan(dy.sizes(), weight.sizes(), dx.sizes(), params, true, itemsize(dx.dtype()));
  const int64_t channels = dx.sizes()[1], filters = dy.sizes()[1] / channels;
  with_type(dx.dtype(), [&]<class T>(const DepthwisePlanes<T>& k) {
    over<T>(dx.sizes()[0] * channels, plan, plan.from_size() * plan.filter_size() * filters,
            [&](int64_t i, T* memory) {
              for (int64_t f = 0; f < filters; ++f)
                k.convolve(plan, dy.data<T>() + (i * filters + f) * plan.from_size(),
                           weight.data<T>() + (i % channels * filters + f) * plan.filter_size(), T(0), f > 0,
                           dx.data<T>() + i * plan.to_size(), memory);
            });
  });
}

void depthwise_weight_grad(const Tensor& dweight, const Tensor& dy, const Tensor& x,
                           const ConvParams& params) {
  const Plan plan(x.sizes(), dweight.sizes(), dy.sizes(), params, false, itemsize(dy.dtype()));
  const int64_t batch = dy.sizes()[0], channels = dy.sizes()[1], filters = channels / params.groups;
  with_type(dy.dtype(), [&]<class T>(const DepthwisePlanes<T>& k) {
    over<T>(channels, plan, batch * plan.to_size() * plan.filter_size(), [&](int64_t channel, T* memory) {
      std::vector<double> sums(static_cast<size_t>(plan.filter_size()));
      for (int64_t n = 0; n < batch; ++n) {
        const int64_t plane = n * channels + channel;
        k.filter_grad(plan, x.data<T>() + plane / filters * plan.from_size(),
                      dy.data<T>() + plane * plan.to_size(), sums.data(), memory);
      }
      std::copy(sums.begin(), sums.end(), dweight.data<T>() + channel * plan.filter_size());
    });
  });
}

}  // namespace plait::cpu
