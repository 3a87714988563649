#include "ops/cpu/depthwise_conv.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/depthwise_plan.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // multiply-adds of four

DepthwisePlan plan_of(const Dims& from, const Dims& filter, const Dims& to, const ConvParams& params,
                      bool transposed, DType dtype) {
  DepthwiseAxis axes[3];
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
  return DepthwisePlan(axes, itemsize(dtype));
}

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
  const DepthwisePlan plan = plan_of(x.sizes(), weight.sizes(), y.sizes(), params, false, y.dtype());
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
  const DepthwisePlan plan = plan_of(dy.sizes(), weight.sizes(), dx.sizes(), params, true, dx.dtype());
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
  const DepthwisePlan plan = plan_of(x.sizes(), dweight.sizes(), dy.sizes(), params, false, dy.dtype());
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
