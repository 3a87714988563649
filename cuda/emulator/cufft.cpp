// libcufft's functions on the CPU, with its names: plans, the checks that the library makes and those that it
// leaves to the caller, transforms in double precision.
//
// What cuFFT documents as undefined or destroyed shows: scratch memory and the input of a transform to real
// numbers are overwritten, spectra that are not Hermitian give NaN, and so does a plan that was destroyed
// since a graph captured it.
#include <cufftXt.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "emulator/control.h"
#include "emulator/launch.h"

using namespace emulator;

namespace {

using Number = std::complex<double>;
using Row = std::vector<Number>;
constexpr size_t kWorkspaceAlignment = 256;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// ---- transforms

// The sums of n numbers by the factors of n; a prime number of them by definition. `roots` are the n-th (or
// a multiple's) roots of one.
void transform(const Number* in, int64_t step, Number* out, int64_t n, const Row& roots) {
  if (n == 1) {
    *out = *in;
    return;
  }
  int64_t factor = 2;
  while (factor * factor <= n && n % factor) ++factor;
  if (n % factor) factor = n;
  const int64_t length = n / factor;
  for (int64_t i = 0; i < factor; ++i)
    transform(in + i * step, step * factor, out + i * length, length, roots);
  const int64_t whole = int64_t(roots.size()), stride = whole / n;
  Row sums(static_cast<size_t>(factor));
  for (int64_t k = 0; k < length; ++k) {
    for (int64_t j = 0; j < factor; ++j) {
      Number sum = 0;
      for (int64_t i = 0; i < factor; ++i)
        sum += out[i * length + k] * roots[static_cast<size_t>(i * (k + j * length) % n * stride)];
      sums[static_cast<size_t>(j)] = sum;
    }
    for (int64_t j = 0; j < factor; ++j) out[j * length + k] = sums[static_cast<size_t>(j)];
  }
}

// Exact at the quarters of the circle, so that transforms of few elements are.
Row roots_of_one(int64_t n, int direction) {
  Row roots;
  for (int64_t k = 0; k < n; ++k) {
    const double angle = 2 * M_PI * double(k) / double(n);
    const bool on_real = 2 * k % n == 0, on_imaginary = 4 * k % n == 0 && !on_real;
    roots.emplace_back(on_imaginary ? 0.0 : std::cos(angle), on_real ? 0.0 : direction * std::sin(angle));
  }
  return roots;
}

struct Sizes {
  int rank = 0;
  int64_t n[3] = {1, 1, 1};  // outermost first, behind leading ones
  int64_t count() const { return n[0] * n[1] * n[2]; }
};

// Along one dimension of a block of numbers, in place.
void transform_along(Row& block, const Sizes& sizes, int dim, int direction) {
  const int64_t n = sizes.n[dim];
  int64_t inner = 1;
  for (int d = dim + 1; d < 3; ++d) inner *= sizes.n[d];
  const Row roots = roots_of_one(n, direction);
  Row in(static_cast<size_t>(n)), out(static_cast<size_t>(n));
  for (int64_t start = 0; start < sizes.count(); ++start) {
    if (start / inner % n) continue;
    for (int64_t k = 0; k < n; ++k)
      in[static_cast<size_t>(k)] = block[static_cast<size_t>(start + k * inner)];
    transform(in.data(), 1, out.data(), n, roots);
    for (int64_t k = 0; k < n; ++k)
      block[static_cast<size_t>(start + k * inner)] = out[static_cast<size_t>(k)];
  }
}

// ---- plans

struct Side {
  int64_t embed[3] = {1, 1, 1}, stride = 0, dist = 0;
  cudaDataType type = CUDA_C_32F;
  Sizes sizes;  // of this side: half of the last dimension where the other side is real

  bool is_real() const { return type == CUDA_R_32F || type == CUDA_R_64F; }
  bool is_double() const { return type == CUDA_R_64F || type == CUDA_C_64F; }
  size_t item() const { return (is_double() ? 8 : 4) * (is_real() ? 1 : 2); }
  int64_t offset(int64_t i, int64_t j, int64_t k) const {
    return ((i * embed[1] + j) * embed[2] + k) * stride;
  }
  int64_t extent(int64_t batch) const {
    return (batch - 1) * dist + offset(sizes.n[0] - 1, sizes.n[1] - 1, sizes.n[2] - 1) + 1;
  }
  bool operator==(const Side& other) const {
    return std::equal(embed, embed + 3, other.embed) && stride == other.stride && dist == other.dist &&
           type == other.type;
  }
};

struct Plan {
  bool made = false, alive = true, allocates = true;
  int device = 0;
  Sizes sizes;
  Side in, out;
  int64_t batch = 0;
  size_t workspace = 0;
  void* work_area = nullptr;
  cudaStream_t stream = nullptr;
};

std::mutex& plans_mutex() {
  static std::mutex mutex;
  return mutex;
}
std::map<cufftHandle, std::shared_ptr<Plan>>& plans() {
  static auto* all = new std::map<cufftHandle, std::shared_ptr<Plan>>;
  return *all;
}
int g_made = 0;

std::shared_ptr<Plan> find(cufftHandle handle) {
  std::lock_guard lock(plans_mutex());
  const auto found = plans().find(handle);
  return found == plans().end() ? nullptr : found->second;
}

cufftResult ordered(const char* name) {
  switch (ordered_failure(name)) {
    case cudaSuccess: return CUFFT_SUCCESS;
    case cudaErrorMemoryAllocation: return CUFFT_ALLOC_FAILED;
    case cudaErrorNotSupported: return CUFFT_NOT_SUPPORTED;
    default: return CUFFT_INTERNAL_ERROR;
  }
}

cufftResult complain(cufftResult status, const char* what) {
  std::fprintf(stderr, "CUDA emulator: cufft: %s\n", what);
  return status;
}

// ---- running

Number read(const Side& side, const void* data, int64_t at) {
  if (side.is_double()) {
    const double* x = static_cast<const double*>(data);
    return side.is_real() ? Number(x[at]) : Number(x[2 * at], x[2 * at + 1]);
  }
  const float* x = static_cast<const float*>(data);
  return side.is_real() ? Number(x[at]) : Number(x[2 * at], x[2 * at + 1]);
}
void write(const Side& side, void* data, int64_t at, Number value) {
  const auto put = [&]<class T>(T* x) {
    if (side.is_real()) {
      x[at] = T(value.real());
    } else {
      x[2 * at] = T(value.real());
      x[2 * at + 1] = T(value.imag());
    }
  };
  side.is_double() ? put(static_cast<double*>(data)) : put(static_cast<float*>(data));
}

Row load(const Side& side, const void* data, int64_t b) {
  Row block;
  const Sizes& s = side.sizes;
  for (int64_t i = 0; i < s.n[0]; ++i)
    for (int64_t j = 0; j < s.n[1]; ++j)
      for (int64_t k = 0; k < s.n[2]; ++k)
        block.push_back(read(side, data, b * side.dist + side.offset(i, j, k)));
  return block;
}
void store(const Side& side, void* data, int64_t b, const Row& block) {
  const Sizes& s = side.sizes;
  size_t at = 0;
  for (int64_t i = 0; i < s.n[0]; ++i)
    for (int64_t j = 0; j < s.n[1]; ++j)
      for (int64_t k = 0; k < s.n[2]; ++k)
        write(side, data, b * side.dist + side.offset(i, j, k), block[at++]);
}

// The whole spectrum from its half; NaN where the half is not that of real numbers.
Row whole_spectrum(const Row& half, const Sizes& s, const Sizes& h, bool is_double) {
  double largest = 0;
  for (const Number& x : half) largest = std::max(largest, std::abs(x));
  const double allowed = largest * (is_double ? 1e-12 : 1e-4);
  Row whole;
  for (int64_t i = 0; i < s.n[0]; ++i)
    for (int64_t j = 0; j < s.n[1]; ++j)
      for (int64_t k = 0; k < s.n[2]; ++k) {
        const int64_t oi = (s.n[0] - i) % s.n[0], oj = (s.n[1] - j) % s.n[1], ok = (s.n[2] - k) % s.n[2];
        const auto at = [&](int64_t a, int64_t b, int64_t c) {
          return half[static_cast<size_t>((a * h.n[1] + b) * h.n[2] + c)];
        };
        if (k >= h.n[2]) {
          whole.push_back(std::conj(at(oi, oj, ok)));
          continue;
        }
        const Number x = at(i, j, k);
        if (ok == k && std::abs(x - std::conj(at(oi, oj, ok))) > allowed) {
          complain(CUFFT_SUCCESS, "the spectrum of a transform to real numbers is not Hermitian");
          return Row(static_cast<size_t>(s.count()), Number(kNaN, kNaN));
        }
        whole.push_back(x);
      }
  return whole;
}

void run(const Plan& plan, void* in, void* out, int direction) {
  if (plan.work_area) std::memset(plan.work_area, 0x5A, plan.workspace);
  std::vector<Row> results;  // all is read before anything is written
  for (int64_t b = 0; b < plan.batch; ++b) {
    Row block = load(plan.in, in, b);
    int sign = direction;
    if (plan.in.is_real()) sign = CUFFT_FORWARD;
    if (plan.out.is_real()) {
      sign = CUFFT_INVERSE;
      block = whole_spectrum(block, plan.sizes, plan.in.sizes, plan.in.is_double());
    }
    for (int d = 0; d < 3; ++d)
      if (plan.sizes.n[d] > 1) transform_along(block, plan.sizes, d, sign);
    if (plan.in.is_real()) {  // the half of it
      Row half;
      for (size_t at = 0; at < block.size(); ++at)
        if (int64_t(at) % plan.sizes.n[2] < plan.out.sizes.n[2]) half.push_back(block[at]);
      block = half;
    }
    if (!plan.alive) {
      complain(CUFFT_SUCCESS, "a plan ran that was destroyed");
      std::fill(block.begin(), block.end(), Number(kNaN, kNaN));
    }
    results.push_back(std::move(block));
  }
  if (plan.out.is_real()) std::memset(in, 0x5A, size_t(plan.in.extent(plan.batch)) * plan.in.item());
  for (int64_t b = 0; b < plan.batch; ++b) store(plan.out, out, b, results[static_cast<size_t>(b)]);
}

// Do two elements of a result have one place?
bool overlaps(const Side& side, int64_t batch) {
  std::vector<bool> taken(static_cast<size_t>(side.extent(batch)));
  const Sizes& s = side.sizes;
  for (int64_t b = 0; b < batch; ++b)
    for (int64_t i = 0; i < s.n[0]; ++i)
      for (int64_t j = 0; j < s.n[1]; ++j)
        for (int64_t k = 0; k < s.n[2]; ++k) {
          const auto at = static_cast<size_t>(b * side.dist + side.offset(i, j, k));
          if (taken[at]) return true;
          taken[at] = true;
        }
  return false;
}

bool is_aligned(const void* data, size_t bytes) { return reinterpret_cast<uintptr_t>(data) % bytes == 0; }

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// For tests: how many plans were made so far.
int plait_emulator_cufft_plans(void) {
  std::lock_guard lock(plans_mutex());
  return g_made;
}

cufftResult cufftGetVersion(int* version) {
  if (!version) return CUFFT_INVALID_VALUE;
  *version = CUFFT_VERSION;
  return CUFFT_SUCCESS;
}

cufftResult cufftCreate(cufftHandle* handle) {
  if (!handle) return CUFFT_INVALID_VALUE;
  if (const cufftResult status = ordered("cufftCreate"); status != CUFFT_SUCCESS) return status;
  auto plan = std::make_shared<Plan>();
  if (cudaGetDevice(&plan->device) != cudaSuccess) return CUFFT_SETUP_FAILED;
  static cufftHandle last = 0;
  std::lock_guard lock(plans_mutex());
  plans()[*handle = ++last] = plan;
  return CUFFT_SUCCESS;
}

cufftResult cufftDestroy(cufftHandle handle) {
  const std::shared_ptr<Plan> plan = find(handle);
  if (!plan) return CUFFT_INVALID_PLAN;
  // Freeing its tables waits for what was queued.
  int before = 0;
  cudaGetDevice(&before);
  cudaSetDevice(plan->device);
  if (cudaDeviceSynchronize() != cudaSuccess) cudaGetLastError();
  cudaSetDevice(before);
  std::lock_guard lock(plans_mutex());
  plan->alive = false;
  plans().erase(handle);
  return CUFFT_SUCCESS;
}

cufftResult cufftSetAutoAllocation(cufftHandle handle, int allocate) {
  const std::shared_ptr<Plan> plan = find(handle);
  if (!plan || plan->made) return CUFFT_INVALID_PLAN;
  plan->allocates = allocate != 0;
  return CUFFT_SUCCESS;
}

cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream) {
  const std::shared_ptr<Plan> plan = find(handle);
  if (!plan) return CUFFT_INVALID_PLAN;
  int device;
  if (stream_device(stream, &device) != cudaSuccess || device != plan->device) return CUFFT_INVALID_DEVICE;
  plan->stream = stream;
  return CUFFT_SUCCESS;
}

cufftResult cufftSetWorkArea(cufftHandle handle, void* work_area) {
  const std::shared_ptr<Plan> plan = find(handle);
  if (!plan || !plan->made) return CUFFT_INVALID_PLAN;
  if (!is_aligned(work_area, kWorkspaceAlignment))
    return complain(CUFFT_INVALID_VALUE, "unaligned work area");
  plan->work_area = work_area;
  return CUFFT_SUCCESS;
}

cufftResult cufftXtMakePlanMany(cufftHandle handle, int rank, long long int* n, long long int* inembed,
                                long long int istride, long long int idist, cudaDataType inputtype,
                                long long int* onembed, long long int ostride, long long int odist,
                                cudaDataType outputtype, long long int batch, size_t* work_size,
                                cudaDataType executiontype) {
  if (const cufftResult status = ordered("cufftXtMakePlanMany"); status != CUFFT_SUCCESS) return status;
  const std::shared_ptr<Plan> plan = find(handle);
  if (!plan || plan->made || !work_size || !n) return CUFFT_INVALID_PLAN;
  if (plan->allocates) return complain(CUFFT_NOT_SUPPORTED, "plans that allocate are not emulated");
  if (!inembed || !onembed) return complain(CUFFT_NOT_SUPPORTED, "the basic layout is not emulated");
  if (rank < 1 || rank > 3 || batch < 1) return CUFFT_INVALID_SIZE;
  plan->in.type = inputtype;
  plan->out.type = outputtype;
  if (executiontype != CUDA_C_32F && executiontype != CUDA_C_64F) return CUFFT_INVALID_TYPE;
  for (const Side* side : {&plan->in, &plan->out})
    if ((side->is_double() ? CUDA_C_64F : CUDA_C_32F) != executiontype) return CUFFT_INVALID_TYPE;
  for (const cudaDataType type : {inputtype, outputtype})
    if (type != CUDA_R_32F && type != CUDA_C_32F && type != CUDA_R_64F && type != CUDA_C_64F)
      return CUFFT_INVALID_TYPE;
  if (plan->in.is_real() && plan->out.is_real()) return CUFFT_INVALID_TYPE;

  plan->batch = batch;
  plan->sizes.rank = rank;
  for (int d = 0; d < rank; ++d) {
    if (n[d] < 1) return CUFFT_INVALID_SIZE;
    plan->sizes.n[3 - rank + d] = n[d];
  }
  const auto fill = [&](Side& side, const long long* embed, int64_t stride, int64_t dist, bool half) {
    side.sizes = plan->sizes;
    if (half) side.sizes.n[2] = side.sizes.n[2] / 2 + 1;
    for (int d = 0; d < rank; ++d) {
      side.embed[3 - rank + d] = embed[d];
      if (embed[d] < side.sizes.n[3 - rank + d] && !(rank == 1)) return false;
    }
    side.stride = stride, side.dist = dist;
    return stride >= 1 && (batch == 1 || dist >= 1);
  };
  if (!fill(plan->in, inembed, istride, idist, plan->out.is_real()) ||
      !fill(plan->out, onembed, ostride, odist, plan->in.is_real()))
    return complain(CUFFT_INVALID_VALUE, "a layout has no room for the sizes");
  if (overlaps(plan->out, batch)) return complain(CUFFT_INVALID_VALUE, "results overlap");

  const size_t bytes = size_t(plan->sizes.count()) * size_t(batch) * (plan->in.is_double() ? 16 : 8);
  *work_size = plan->workspace =
      (bytes + kWorkspaceAlignment - 1) / kWorkspaceAlignment * kWorkspaceAlignment;
  plan->made = true;
  std::lock_guard lock(plans_mutex());
  ++g_made;
  return CUFFT_SUCCESS;
}

cufftResult cufftXtExec(cufftHandle handle, void* input, void* output, int direction) {
  const std::shared_ptr<Plan> plan = find(handle);
  if (!plan || !plan->made) return CUFFT_INVALID_PLAN;
  if (const cufftResult status = ordered("cufftXtExec"); status != CUFFT_SUCCESS) return status;
  if (direction != CUFFT_FORWARD && direction != CUFFT_INVERSE) return CUFFT_INVALID_VALUE;
  int device;
  if (cudaGetDevice(&device) != cudaSuccess || device != plan->device) return CUFFT_INVALID_DEVICE;
  if (plan->workspace && !plan->work_area) return CUFFT_NO_WORKSPACE;
  const size_t alignment = plan->in.is_double() ? 16 : 8;
  if (!is_aligned(input, alignment) || !is_aligned(output, alignment)) return CUFFT_UNALIGNED_DATA;
  const size_t in_bytes = size_t(plan->in.extent(plan->batch)) * plan->in.item(),
               out_bytes = size_t(plan->out.extent(plan->batch)) * plan->out.item();
  if (!is_device_accessible(input, in_bytes) || !is_device_accessible(output, out_bytes) ||
      !is_device_accessible(plan->work_area, plan->workspace))
    return complain(CUFFT_EXEC_FAILED, "an array is not in one block of device memory");
  const char *in = static_cast<char*>(input), *out = static_cast<char*>(output);
  if (in == out ? !(plan->in == plan->out) : in < out + out_bytes && out < in + in_bytes)
    return complain(CUFFT_INVALID_VALUE, "input and output overlap, and are not the same");
  const char* work = static_cast<char*>(plan->work_area);
  for (const auto& [data, bytes] : {std::pair(in, in_bytes), std::pair(out, out_bytes)})
    if (data < work + plan->workspace && work < data + bytes)
      return complain(CUFFT_INVALID_VALUE, "the work area overlaps the data");
  // What the plan is bound to now; whether it lives is seen when it runs.
  const Plan bound = *plan;
  const cudaError_t queued =
      enqueue("cufftXtExec", plan->stream, WorkKind::Library, [plan, bound, input, output, direction] {
        Plan now = bound;
        now.alive = plan->alive;
        run(now, input, output, direction);
      });
  return queued == cudaSuccess ? CUFFT_SUCCESS : CUFFT_EXEC_FAILED;
}

}  // extern "C"
#pragma GCC visibility pop
