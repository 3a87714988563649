// Convolutions: cuDNN where it has a plan, our own kernels for the rest.
#include "ops/decl/conv.h"

#include <cstring>

#include "cuda/attach.h"
#include "cuda/kernels/conv.h"
#include "cuda/ops/elementwise.h"
#include "cuda/vendor/cudnn.h"

namespace plait::cuda {
namespace {

struct Params {
  IntSpan stride, padding, dilation;
  int64_t groups;
};

// The problem with at least two spatial dimensions, as cuDNN wants it. A dimension of size 1 gets the stride
// that a dense tensor would have: cuDNN tells layouts by strides.
void set_layout(ConvProblem::Layout& to, const Tensor& t, int dims) {
  const int own = static_cast<int>(t.dim()), missing = dims - own;
  for (int d = 0; d < dims; ++d) {
    const bool is_new = d >= 2 && d < 2 + missing;
    const int from = d < 2 ? d : d - missing;
    to.sizes[d] = is_new ? 1 : t.sizes()[from];
    to.strides[d] = is_new ? t.sizes()[2] * t.strides()[2] : t.strides()[from];
  }
}

bool by_cudnn(ConvProblem::Pass pass, const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& bias,
              const Params& params) {
  if (!is_floating(x.dtype()) || !cudnn_is_available()) return false;
  const int dims = std::max(static_cast<int>(x.dim()), 4), missing = dims - static_cast<int>(x.dim());
  ConvProblem p;
  std::memset(&p, 0, sizeof(p));
  p.pass = pass;
  p.dims = dims;
  p.dtype = static_cast<int32_t>(x.dtype());
  p.has_bias = bias.defined();
  set_layout(p.x, x, dims), set_layout(p.w, w, dims), set_layout(p.y, y, dims);
  for (int i = 0; i < dims - 2; ++i) {
    const auto from = static_cast<size_t>(i - missing);
    p.stride[i] = i < missing ? 1 : params.stride[from];
    p.padding[i] = i < missing ? 0 : params.padding[from];
    p.dilation[i] = i < missing ? 1 : params.dilation[from];
  }
  p.device = current_device();
  return cudnn_conv(p, x.data_ptr(), w.data_ptr(), y.data_ptr(), bias.defined() ? bias.data_ptr() : nullptr);
}

void by_own_kernel(ConvPlan::Pass pass, const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& bias,
                   const Params& params) {
  ConvPlan plan{};
  plan.pass = pass;
  plan.dtype = x.dtype(), plan.w_dtype = w.dtype();
  const auto take = [](ConvPlan::Layout& to, const Tensor& t) {
    to.data = t.data_ptr();
    const int missing = 5 - static_cast<int>(t.dim());
    for (int d = 0; d < 5; ++d) {
      const bool is_new = d >= 2 && d < 2 + missing;
      const int from = d < 2 ? d : d - missing;
      to.sizes[d] = is_new ? 1 : t.sizes()[from];
      to.strides[d] = is_new ? 0 : t.strides()[from];
    }
  };
  take(plan.x, x), take(plan.w, w), take(plan.y, y);
  const int missing = 5 - static_cast<int>(x.dim());
  for (int i = 0; i < 3; ++i) {
    const auto from = static_cast<size_t>(i - missing);
    plan.stride[i] = i < missing ? 1 : params.stride[from];
    plan.padding[i] = i < missing ? 0 : params.padding[from];
    plan.dilation[i] = i < missing ? 1 : params.dilation[from];
  }
  plan.groups = params.groups;
  plan.bias = bias.defined() ? bias.data_ptr() : nullptr;
  run_conv(plan);
}

// In memory as cuDNN reads it at full speed: contiguous or channels-last, all in the same way. The result's
// elements are not copied: they are about to be written.
Tensor arranged(const Tensor& t, DType dtype, bool channels_last, bool is_result) {
  const MemoryFormat last = t.dim() == 5 ? MemoryFormat::ChannelsLast3d : MemoryFormat::ChannelsLast;
  const MemoryFormat format = channels_last && t.dim() >= 4 ? last : MemoryFormat::Contiguous;
  if (t.is_contiguous(format) && t.dtype() == dtype) return t;
  TensorSpec spec(t.sizes(), dtype, t.device());
  if (format == last) spec.strides = channels_last_strides(t.sizes());
  const Tensor copy = empty_tensor(spec);
  if (!is_result) copy_on_device(copy, t);
  return copy;
}
bool is_channels_last_only(const Tensor& t) {
  return !t.is_contiguous() &&
         (t.is_contiguous(MemoryFormat::ChannelsLast) || t.is_contiguous(MemoryFormat::ChannelsLast3d));
}

void run(ConvProblem::Pass pass, const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& bias,
         const Params& params) {
  const Tensor& out = pass == ConvProblem::Forward ? y : pass == ConvProblem::InputGrad ? x : w;
  if (out.numel() == 0) return;
  if (x.numel() == 0 || w.numel() == 0 || y.numel() == 0) {  // a sum of nothing
    copy_on_device(out, wrapped_scalar(0));
    if (bias.defined()) {
      Dims sizes(static_cast<size_t>(y.dim()), 1), strides(static_cast<size_t>(y.dim()), 0);
      sizes[1] = bias.numel(), strides[1] = bias.strides()[0];
      copy_on_device(y, make_view(bias, sizes, strides, bias.storage_offset()));
    }
    return;
  }
  const bool channels_last = is_channels_last_only(x) || is_channels_last_only(w) || is_channels_last_only(y);
  const Tensor b = bias.defined() ? contiguous(bias) : bias;
  // A weight's gradient in float32 from 16 bits: our kernel writes it. cuDNN has no engine for that but a
  // generic one, which compiles a kernel for each problem and has no split of the sum over batch and places,
  // by far the longest dimension. So its result comes in 16 bits and is converted on the way to where it
  // belongs, with the layout.
  const DType w_dtype = cudnn_is_available() ? x.dtype() : w.dtype();
  const Tensor xs = arranged(x, x.dtype(), channels_last, out.same(x)),
               ws = arranged(w, w_dtype, channels_last, out.same(w)),
               ys = arranged(y, y.dtype(), channels_last, out.same(y));
  if (!by_cudnn(pass, xs, ws, ys, b, params))
    by_own_kernel(static_cast<ConvPlan::Pass>(pass), xs, ws, ys, b, params);
  const Tensor& result = pass == ConvProblem::Forward ? ys : pass == ConvProblem::InputGrad ? xs : ws;
  if (!result.same(out)) copy_on_device(out, result);
}

CudaKernel conv_kernel(op::_conv, [](const Tensor& out, const Tensor& x, const Tensor& w, const Tensor& bias,
                                     IntSpan stride, IntSpan padding, IntSpan dilation, int64_t groups) {
  run(ConvProblem::Forward, x, w, out, bias, {stride, padding, dilation, groups});
});

CudaKernel input_grad_kernel(op::_conv_input_grad, [](const Tensor& out, const Tensor& dy, const Tensor& w,
                                                      IntSpan, IntSpan stride, IntSpan padding,
                                                      IntSpan dilation, int64_t groups) {
  run(ConvProblem::InputGrad, out, w, dy, Tensor(), {stride, padding, dilation, groups});
});
CudaKernel weight_grad_kernel(op::_conv_weight_grad, [](const Tensor& out, const Tensor& dy, const Tensor& x,
                                                        IntSpan, IntSpan stride, IntSpan padding,
                                                        IntSpan dilation, int64_t groups,
                                                        std::optional<DType>) {
  run(ConvProblem::WeightGrad, x, out, dy, Tensor(), {stride, padding, dilation, groups});
});

}  // namespace
}  // namespace plait::cuda
