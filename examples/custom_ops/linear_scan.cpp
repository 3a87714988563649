// A linear recurrence, the core of many recurrent networks: h[t] = a[t] h[t-1] + b[t] along dimension 0, from
// h = 0. Two switches make its gradient the same op: `reverse` runs from the last step to the first, `late`
// takes the a of the step before (in the direction of the run) in place of the step's own.
#include <plait/extension.h>
using namespace plait;

template <class T>
void scan(T* h, const T* a, const T* b, int64_t steps, int64_t width, bool reverse, bool late) {
  const int64_t first = reverse ? (steps - 1) * width : 0, step = reverse ? -width : width;
  const int64_t lag = late ? step : 0;
  // A thread takes some columns through all steps; the compiler vectorises across the columns.
  parallel_for(0, width, 32768 / steps + 1, [=](int64_t begin, int64_t end) {
    for (int64_t j = first + begin; j < first + end; ++j) h[j] = b[j];
    for (int64_t t = 1; t < steps; ++t) {
      const int64_t row = first + t * step;
#pragma GCC ivdep
      for (int64_t j = row + begin; j < row + end; ++j) h[j] = a[j - lag] * h[j - step] + b[j];
    }
  });
}

// With e the gradient that arrives at h[t] from all later steps, e[t] = grad[t] + a[t+1] e[t+1]: this op in
// the other direction. b gets e, and a gets e[t] h[t-1].
void scan_vjp(Vjp& v);

PLAIT_OP(linear_scan, Tensor(const Tensor&, const Tensor&, bool, bool)){
    .schema = "linear_scan(Tensor a, Tensor b, *, bool reverse=False, bool late=False) -> Tensor",
    .doc =
        "h[t] = a[t] h[t-1] + b[t] along dimension 0. reverse: from the last step on; late: a[t-1] for a[t].",
    .meta =
        [](const Tensor& a, const Tensor& b, bool, bool) {
          check(a.dim() > 0 && Dims(a.sizes()) == Dims(b.sizes()),
                "linear_scan: 'a' and 'b' must have one shape, of at least one dimension, got {} and {}",
                a.sizes(), b.sizes());
          check<TypeError>(a.dtype() == b.dtype(),
                           "linear_scan: 'a' is {}, 'b' is {}; convert one with .to(dtype)", a.dtype(),
                           b.dtype());
          return TensorSpec(a.sizes(), a.dtype(), a.device());
        },
    .vjp = scan_vjp,
    .save = "a, result if a",
    .kind = Kind::Scan,
    .dtypes = set_of(DType::Float32) | set_of(DType::Float64),
    .cpu =
        [](const Tensor& h, const Tensor& a_, const Tensor& b_, bool reverse, bool late) {
          if (h.numel() == 0) return;
          const Tensor a = a_.contiguous(), b = b_.contiguous();
          const int64_t steps = h.size(0), width = h.numel() / steps;
          visit<Types<float, double>>(h.dtype(), "linear_scan", [&]<class T>() {
            scan(h.data<T>(), a.data<T>(), b.data<T>(), steps, width, reverse, late);
          });
        },
};

void scan_vjp(Vjp& v) {
  const bool reverse = v.attr<bool>("reverse"), late = v.attr<bool>("late");
  const Tensor e = linear_scan(v.in("a"), v.grad(), !reverse, !late);
  v.set("b", e);
  const int64_t n = e.size(0) - 1;
  if (!v.needs("a") || n < 0) return;
  // The step of h comes before the step of e. Where a has no part, a zero stands.
  const Tensor product = e.narrow(0, reverse ? 0 : 1, n) * v.out().narrow(0, reverse ? 1 : 0, n);
  const Tensor zero = zeros_like(e.narrow(0, 0, 1));
  v.set("a", reverse == late ? cat({zero, product}) : cat({product, zero}));
}
