// Grid sampling.
#include "cuda/kernels/grid_sample.h"

#include "cuda/attach.h"
#include "cuda/kernels/radix_sort.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"
#include "ops/decl/copy.h"
#include "ops/decl/grid_sample.h"

namespace plait::cuda {
namespace {

// Of an image with these strides.
GridSamplePlan plan_of(const Tensor& image, const Dims& grid, int64_t mode, int64_t padding,
                       bool align_corners) {
  const Dims& sizes = image.sizes();
  GridSamplePlan plan{};
  plan.mode = static_cast<GridMode>(mode);
  plan.padding = static_cast<GridPadding>(padding);
  plan.align_corners = align_corners;
  plan.rank = sizes.size() - 2;
  plan.batch = sizes[0];
  plan.channels = sizes[1];
  plan.places = 1;
  for (int d = 1; d < grid.size() - 1; ++d) plan.places *= grid[d];
  plan.input[0] = image.strides()[0];
  plan.input[1] = image.strides()[1];
  for (int i = 0; i < 3; ++i) {
    const int d = sizes.size() - 1 - i;
    plan.sizes[i] = i < plan.rank ? sizes[d] : 1;
    plan.input[2 + i] = i < plan.rank ? image.strides()[d] : 0;
  }
  return plan;
}

CudaKernel grid_sampler_kernel(op::grid_sampler, [](const Tensor& out, const Tensor& input,
                                                    const Tensor& grid, int64_t mode, int64_t padding,
                                                    bool align_corners) {
  if (out.numel() == 0) return;
  GridSamplePlan plan = plan_of(input, grid.sizes(), mode, padding, align_corners);
  plan.dtype = out.dtype();
  const Tensor y =
      out.is_contiguous() ? out : empty_tensor(TensorSpec(out.sizes(), out.dtype(), out.device()));
  grid_sample(plan, input.data_ptr(), cuda::contiguous(grid).data_ptr(), y.data_ptr());
  if (!y.same(out)) copy_on_device(out, y);
});

// Sums in a fixed order: the corners of all places sorted by their pixels.
void sum_by_sorting(const GridSamplePlan& plan, const Tensor& dy, const Tensor& grid, const Tensor& dx) {
  const int64_t n = plan.batch * plan.places * corners_of(plan);
  check<NotImplementedError>(n < int64_t{1} << 32,
                             "grid_sampler on cuda: {} corners of places are more than are counted in 32 "
                             "bits; use plait.use_deterministic_algorithms(False)",
                             n);
  const auto count = static_cast<size_t>(n);
  const Workspace space(count * (2 * sizeof(uint64_t) + 2 * sizeof(uint32_t) + sizeof(double)));
  auto* keys = space.as<uint64_t>();
  auto* weights = reinterpret_cast<double*>(keys + 2 * count);  // or floats
  auto* order = reinterpret_cast<uint32_t*>(weights + count);
  grid_sample_keys(plan, grid.data_ptr(), keys, order, weights);
  SortBuffers<uint64_t> buffers{keys, keys + count, order, order + count};
  const int64_t pixels = plan.sizes[0] * plan.sizes[1] * plan.sizes[2];
  sort_pairs(buffers, n, bits_below(static_cast<uint64_t>(plan.batch * pixels) + 1));
  grid_sample_sums(plan, buffers.keys, buffers.values, n, weights, dy.data_ptr(), dx.data_ptr());
}

CudaKernel grid_sampler_backward_kernel(
    op::_grid_sampler_backward,
    [](const Tensor& dx, const Tensor& dgrid, const Tensor& grad, const Tensor& input, const Tensor& grid,
       int64_t mode, int64_t padding, bool align_corners, bool need_input, bool need_grid) {
      if (grad.numel() == 0) {
        plait::zero_(dx);
        plait::zero_(dgrid);
        return;
      }
      const Tensor dy = cuda::contiguous(grad), places = cuda::contiguous(grid);
      if (need_input) {
        const DType sums = is_reduced_float(dx.dtype()) ? DType::Float32 : dx.dtype();
        const Tensor target =
            sums == dx.dtype() ? dx : empty_tensor(TensorSpec(dx.sizes(), sums, dx.device(), dx.strides()));
        GridSamplePlan plan = plan_of(target, grid.sizes(), mode, padding, align_corners);
        plan.dtype = grad.dtype();
        plait::zero_(target);
        if (settings().deterministic)
          sum_by_sorting(plan, dy, places, target);
        else
          grid_sample_input(plan, dy.data_ptr(), places.data_ptr(), target.data_ptr());
        if (!target.same(dx)) copy_on_device(dx, target);
      }
      if (need_grid) {
        GridSamplePlan plan = plan_of(input, grid.sizes(), mode, padding, align_corners);
        plan.dtype = grad.dtype();
        const Tensor target = dgrid.is_contiguous()
                                  ? dgrid
                                  : empty_tensor(TensorSpec(dgrid.sizes(), dgrid.dtype(), dgrid.device()));
        grid_sample_grid(plan, dy.data_ptr(), input.data_ptr(), places.data_ptr(), target.data_ptr());
        if (!target.same(dgrid)) copy_on_device(dgrid, target);
      }
    });

}  // namespace
}  // namespace plait::cuda
