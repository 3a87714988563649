// The loss of connectionist temporal classification on the CPU (Graves et al. 2006): what ctc_loss is made
// of.
//
// The path of a target is its labels with blanks around each. alpha_t(s) is the logarithm of the probability
// of all ways to position s of it in t steps, with what is emitted in step t; backwards the same recursion
// runs on the path from its end.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/ctc.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/ctc.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

struct Batch {
  Tensor log_probs, targets;
  IntSpan steps, sizes;  // of each sample
  int64_t blank, samples, classes;
  std::vector<int64_t> starts;  // of the samples' labels

  Batch(const char* op, const Tensor& given, const Tensor& labels, IntSpan input_lengths,
        IntSpan target_lengths, int64_t blank_class)
      : steps(input_lengths),
        sizes(target_lengths),
        blank(blank_class) {
    check(given.dim() == 3 && (labels.dim() == 1 || labels.dim() == 2),
          "{}: expected log_probs (T, N, C) and targets (N, S) or (sum of lengths), got {} and {}", op,
          given.sizes(), labels.sizes());
    log_probs = plait::contiguous(given);
    targets = plait::contiguous(plait::_convert(labels, DType::Int64));
    samples = given.size(1), classes = given.size(2);
    check(static_cast<int64_t>(steps.size()) == samples && static_cast<int64_t>(sizes.size()) == samples &&
              (labels.dim() == 1 || labels.size(0) == samples) && blank >= 0 && blank < classes,
          "{}: expected {} lengths each and a blank below {}, got {} and {} and {}", op, samples, classes,
          steps.size(), sizes.size(), blank);
    int64_t sum = 0;
    for (size_t n = 0; n < sizes.size(); ++n) {
      starts.push_back(labels.dim() == 1 ? sum : static_cast<int64_t>(n) * labels.size(1));
      sum += sizes[n];
      const int64_t most = labels.dim() == 1 ? labels.numel() - starts[n] : labels.size(1);
      check(steps[n] >= 0 && steps[n] <= given.size(0) && sizes[n] >= 0 && sizes[n] <= most,
            "{}: expected lengths from 0 to {} and to {}, got {} and {}", op, given.size(0), most, steps[n],
            sizes[n]);
      for (int64_t i = 0; i < sizes[n]; ++i) {
        const int64_t label = targets.data<int64_t>()[starts[n] + i];
        check<IndexError>(label >= 0 && label < classes,
                          "ctc_loss: expected classes from 0 to {} in targets, got {}", classes - 1, label);
      }
    }
  }
};

template <class T>
const cpu::CtcLoops<T>& loops() {
  if constexpr (sizeof(T) == sizeof(float))
    return cpu::ctc_table().in_float;
  else
    return cpu::ctc_table().in_double;
}

// The forward recursion of one sample, or of its reversed path and steps.
template <class T>
class Recursion {
 public:
  Recursion(const Batch& batch, int64_t sample, bool reversed)
      : batch_(batch),
        sample_(sample),
        steps_(batch.steps[static_cast<size_t>(sample)]),
        reversed_(reversed) {
    const int64_t labels = batch.sizes[static_cast<size_t>(sample)];
    const int64_t* const label = batch.targets.data<int64_t>() + batch.starts[static_cast<size_t>(sample)];
    path_.assign(static_cast<size_t>(2 * labels + 1), batch.blank);
    for (int64_t i = 0; i < labels; ++i) path_[static_cast<size_t>(2 * i + 1)] = label[i];
    if (reversed) std::reverse(path_.begin(), path_.end());
    for (size_t s = 0; s < path_.size(); ++s)
      barred_.push_back(s >= 2 && path_[s] != batch.blank && path_[s] != path_[s - 2] ? T(0)
                                                                                      : T(cpu::kCtcLow));
    emitted_.resize(path_.size());
  }

  int64_t positions() const { return static_cast<int64_t>(path_.size()); }
  const std::vector<int64_t>& path() const { return path_; }
  // What each position emits in the step.
  const T* emit(int64_t step) {
    const T* const row = batch_.log_probs.data<T>() +
                         ((reversed_ ? steps_ - 1 - step : step) * batch_.samples + sample_) * batch_.classes;
    for (size_t s = 0; s < path_.size(); ++s) {
      const T found = row[path_[s]];
      emitted_[s] = found < T(cpu::kCtcLow) ? T(cpu::kCtcLow) : found;
    }
    return emitted_.data();
  }
  void first(T* to) {
    const T* const emitted = emit(0);
    std::fill_n(to, positions(), T(cpu::kCtcLow));
    std::copy_n(emitted, std::min<int64_t>(positions(), 2), to);
  }
  void next(int64_t step, const T* from, T* to) {
    loops<T>().step(from, barred_.data(), emit(step), positions(), to);
  }
  // Minus the logarithm of all ways, of what the last step left.
  T loss(const T* last) const {
    const T a = last[positions() - 1], b = positions() > 1 ? last[positions() - 2] : T(cpu::kCtcLow);
    const T most = a > b ? a : b;
    const T found = -(most + std::log(std::exp(a - most) + std::exp(b - most)));
    return found > -T(cpu::kCtcLow) / 2 ? std::numeric_limits<T>::infinity() : found;
  }
  // Without steps only the empty target has a way.
  T loss_of_no_steps() const { return positions() == 1 ? T(0) : std::numeric_limits<T>::infinity(); }

 private:
  const Batch& batch_;
  int64_t sample_, steps_;
  bool reversed_;
  std::vector<int64_t> path_;
  std::vector<T> barred_, emitted_;
};

constexpr int64_t kBefore = 2;  // numbers before the first position

template <class T>
T loss_of(const Batch& batch, int64_t sample) {
  Recursion<T> forward(batch, sample, false);
  const int64_t steps = batch.steps[static_cast<size_t>(sample)];
  if (steps == 0) return forward.loss_of_no_steps();
  std::vector<T> rows(static_cast<size_t>(2 * (forward.positions() + kBefore)), T(cpu::kCtcLow));
  T *now = rows.data() + kBefore, *then = now + forward.positions() + kBefore;
  forward.first(now);
  for (int64_t t = 1; t < steps; ++t) {
    forward.next(t, now, then);
    std::swap(now, then);
  }
  return forward.loss(now);
}

// -grad times the probability of each position in each step, added up for its class. Zero where there is no
// way.
template <class T>
void gradient_of(const Batch& batch, int64_t sample, T grad, T* to) {
  Recursion<T> forward(batch, sample, false), backward(batch, sample, true);
  const int64_t steps = batch.steps[static_cast<size_t>(sample)], positions = forward.positions(),
                pitch = positions + kBefore;
  if (steps == 0) return;
  std::vector<T> before(static_cast<size_t>(steps * pitch), T(cpu::kCtcLow));
  std::vector<T> rows(static_cast<size_t>(2 * pitch), T(cpu::kCtcLow)),
      shares(static_cast<size_t>(positions));
  const auto row = [&](int64_t t) { return before.data() + t * pitch + kBefore; };
  forward.first(row(0));
  for (int64_t t = 1; t < steps; ++t) forward.next(t, row(t - 1), row(t));
  const T loss = forward.loss(row(steps - 1));
  if (std::isinf(loss)) return;
  T *now = rows.data() + kBefore, *then = now + pitch;
  backward.first(now);
  for (int64_t t = steps - 1; t >= 0; --t) {
    loops<T>().share(row(t), now, forward.emit(t), -loss, positions, shares.data());
    T* const classes = to + (t * batch.samples + sample) * batch.classes;
    for (int64_t s = 0; s < positions; ++s)
      classes[forward.path()[static_cast<size_t>(s)]] -= grad * shares[static_cast<size_t>(s)];
    if (t == 0) break;
    backward.next(steps - t, now, then);
    std::swap(now, then);
  }
}

template <class F>
void each_sample(const Batch& batch, const F& f) {
  parallel_for(0, batch.samples, 1, [&](int64_t begin, int64_t end) {
    for (int64_t n = begin; n < end; ++n) f(n);
  });
}

constexpr DTypeSet kDTypes = static_cast<DTypeSet>(set_of(DType::Float32) | set_of(DType::Float64));

}  // namespace

Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t)> _ctc_loss{{
    .schema = "_ctc_loss(Tensor self, Tensor targets, int[] input_lengths, int[] target_lengths, int blank) "
              "-> Tensor",
    .doc =
        R"(-log of the summed probability of all alignments for each of N samples on the CPU: log-probabilities (T, N, C), targets (N, S) or
one after the other.)",
    .direct =
        [](const Tensor& self, const Tensor& targets, IntSpan input_lengths, IntSpan target_lengths,
           int64_t blank) {
          const Batch batch("_ctc_loss", self, targets, input_lengths, target_lengths, blank);
          const Tensor out = empty_tensor(Dims{batch.samples}, self.dtype());
          each_sample(batch, [&](int64_t n) {
            if (self.dtype() == DType::Float32)
              out.data<float>()[n] = loss_of<float>(batch, n);
            else
              out.data<double>()[n] = loss_of<double>(batch, n);
          });
          return out;
        },
    .dtypes = kDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, IntSpan, IntSpan, int64_t)> _ctc_loss_backward{{
    .schema = "_ctc_loss_backward(Tensor grad, Tensor self, Tensor targets, int[] input_lengths, int[] "
              "target_lengths, "
              "int blank) -> Tensor",
    .doc =
        R"(The derivative of _ctc_loss by the log-probabilities, for gradients (N): zero for a target without an alignment.)",
    .direct =
        [](const Tensor& grad, const Tensor& self, const Tensor& targets, IntSpan input_lengths,
           IntSpan target_lengths, int64_t blank) {
          const Batch batch("_ctc_loss_backward", self, targets, input_lengths, target_lengths, blank);
          check(grad.dtype() == self.dtype() && grad.sizes() == Dims{batch.samples},
                "_ctc_loss_backward: expected a gradient of dtype {} for each of {} samples, got {} {}",
                self.dtype(), batch.samples, grad.dtype(), grad.sizes());
          const Tensor each = plait::contiguous(grad),
                       out = plait::zeros(self.sizes(), self.dtype(), self.device());
          each_sample(batch, [&](int64_t n) {
            if (self.dtype() == DType::Float32)
              gradient_of(batch, n, each.data<float>()[n], out.data<float>());
            else
              gradient_of(batch, n, each.data<double>()[n], out.data<double>());
          });
          return out;
        },
    .dtypes = kDTypes,
}};

}  // namespace plait::op
