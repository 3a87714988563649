#include "ops/cpu/reduce.h"

#include <algorithm>
#include <vector>

#include "core/parallel.h"

namespace plait::cpu {
namespace {

struct Dim {
  int64_t size, in, out;  // strides in bytes; `out` of kept dimensions only
};

struct DimList {
  Dim dims[kMaxDims];
  int count = 0;

  void add(Dim d) {
    if (d.size != 1) dims[count++] = d;
  }
  // Innermost first; repeated dimensions (stride 0) outermost. Neighbours that continue each other become
  // one.
  void order() {
    std::stable_sort(dims, dims + count, [](const Dim& a, const Dim& b) {
      return static_cast<uint64_t>(a.in) - 1 < static_cast<uint64_t>(b.in) - 1;
    });
    int n = 0;
    for (int i = 0; i < count; ++i) {
      Dim& last = dims[n > 0 ? n - 1 : 0];
      if (n > 0 && dims[i].in == last.in * last.size && dims[i].out == last.out * last.size)
        last.size *= dims[i].size;
      else
        dims[n++] = dims[i];
    }
    count = n;
  }
  int64_t numel(int from = 0) const {
    int64_t n = 1;
    for (int i = from; i < count; ++i) n *= dims[i].size;
    return n;
  }
};

// Where the index-th element of dims[from..] is.
struct Offsets {
  int64_t in = 0, out = 0;
};
Offsets locate(const DimList& list, int from, int64_t index) {
  Offsets at;
  for (int i = from; i < list.count; ++i) {
    const int64_t k = index % list.dims[i].size;
    index /= list.dims[i].size;
    at.in += k * list.dims[i].in;
    at.out += k * list.dims[i].out;
  }
  return at;
}

// Accumulators on the stack where they are few.
class Accs {
 public:
  Accs(const Reduction& f, int64_t n) : size_(f.acc_size) {
    if (n * size_ > static_cast<int64_t>(sizeof small_)) {
      large_ = std::make_unique_for_overwrite<char[]>(n * size_);
      data_ = large_.get();
    }
    f.init(data_, n);
  }
  char* at(int64_t i) { return data_ + i * size_; }

 private:
  int64_t size_;
  alignas(64) char small_[4096];
  std::unique_ptr<char[]> large_;
  char* data_ = small_;
};

// Fixed sizes, so that the order of additions is the same on any machine.
constexpr int64_t kTask = 32768;  // elements that are worth a task of their own
constexpr int64_t kPieces =
    64;  // of one long reduction: more would interrupt the streams of memory more often
constexpr int64_t kRows = 256;  // rows that are reduced in one call
// Rows of a few elements that are worth taking as columns, and the bytes of which at a time: every element of
// a row is another walk through these.
constexpr int64_t kManyRows = 64, kFirstCache = 32768;

class Plan {
 public:
  Plan(const Reduction& f, const Tensor& self, DimMask mask, std::span<const ReduceTarget> targets)
      : f_(f),
        x_(static_cast<const char*>(self.data_ptr())),
        targets_(targets) {
    const int64_t item = itemsize(self.dtype());
    int64_t out_stride = 1;
    for (int i = static_cast<int>(self.dim()) - 1; i >= 0; --i) {
      const int64_t size = self.sizes()[i], stride = self.strides()[i] * item;
      if (mask >> i & 1) {
        reduced_.add({size, stride, 0});
      } else {
        kept_.add({size, stride, out_stride});
        out_stride *= size;
      }
    }
    outputs_ = out_stride;
    reduced_.order();
    kept_.order();
    if (reduced_.count == 0) reduced_.dims[reduced_.count++] = {1, item, 0};
    if (kept_.count == 0) kept_.dims[kept_.count++] = {1, 0, 1};
    const Dim &r = reduced_.dims[0], &k = kept_.dims[0];
    by_rows_ = k.size == 1 || (r.in != 0 && r.in <= k.in) || k.in == 0;
    block_ = by_rows_ ? std::clamp<int64_t>(kTask / reduced_.numel(), 1, kRows) : f.max_columns;
    if (by_rows_ && reduced_.count == 1 && r.size <= f.few_elements && k.size >= kManyRows && k.in != 0) {
      by_rows_ = false;
      block_ = std::clamp<int64_t>(kFirstCache / std::abs(k.in), kManyRows, f.max_columns);
    }
    block_ = std::min(block_, k.size);
    item_ = item;
  }

  void run() const {
    const int64_t per_output = reduced_.numel();
    const int64_t blocks = (kept_.dims[0].size + block_ - 1) / block_, tasks = blocks * kept_.numel(1);
    if (tasks >= 16 || outputs_ * per_output <= 4 * kTask) {
      const int64_t work = std::max<int64_t>(1, outputs_ * per_output / tasks);
      parallel_for(0, tasks, std::max<int64_t>(1, kTask / work), [&](int64_t begin, int64_t end) {
        Accs accs(f_, block_);
        for (int64_t t = begin; t < end; ++t) {
          const auto [first, n, at] = block_at(t, blocks);
          if (t > begin) f_.init(accs.at(0), n);
          accumulate(at.in, n, 0, reduced_.dims[reduced_.count - 1].size, accs);
          finish(accs.at(0), at.out, n);
        }
      });
      return;
    }
    // Few outputs of many elements: the outermost reduced dimension is cut into pieces, which are merged in
    // pairs.
    const int64_t last = reduced_.dims[reduced_.count - 1].size;
    const int64_t per_step = outputs_ * per_output / last / tasks;
    const int64_t worth = std::max(kTask, outputs_ * per_output / kPieces);
    const int64_t step = std::max<int64_t>(1, worth / std::max<int64_t>(1, per_step));
    const int64_t pieces = (last + step - 1) / step;
    const auto partial = std::make_unique_for_overwrite<char[]>(tasks * pieces * block_ * f_.acc_size);
    const auto slot = [&](int64_t task, int64_t piece) {
      return partial.get() + (task * pieces + piece) * block_ * f_.acc_size;
    };
    parallel_for(0, tasks * pieces, 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const int64_t piece = i % pieces;
        const auto [first, n, at] = block_at(i / pieces, blocks);
        Accs accs(f_, block_);
        accumulate(at.in, n, piece * step, std::min(last, (piece + 1) * step), accs);
        std::memcpy(slot(i / pieces, piece), accs.at(0), n * f_.acc_size);
      }
    });
    for (int64_t t = 0; t < tasks; ++t) {
      const auto [first, n, at] = block_at(t, blocks);
      for (int64_t width = 1; width < pieces; width *= 2)
        for (int64_t p = 0; p + width < pieces; p += 2 * width) f_.merge(slot(t, p), slot(t, p + width), n);
      finish(slot(t, 0), at.out, n);
    }
  }

 private:
  struct Block {
    int64_t first, size;
    Offsets at;
  };
  Block block_at(int64_t task, int64_t blocks) const {
    const Dim& k = kept_.dims[0];
    Block b;
    b.first = task % blocks * block_;
    b.size = std::min(block_, k.size - b.first);
    b.at = locate(kept_, 1, task / blocks);
    b.at.in += b.first * k.in;
    b.at.out += b.first * k.out;
    return b;
  }

  // Reduces the indices [begin, end) of the outermost reduced dimension, for n outputs from `offset` on.
  void accumulate(int64_t offset, int64_t n, int64_t begin, int64_t end, Accs& accs) const {
    const int outer = reduced_.count - 1;
    const char* x = x_ + offset + begin * reduced_.dims[outer].in;
    if (outer == 0) {
      inner(x, n, end - begin, begin, accs);
      return;
    }
    int64_t between = 1;
    for (int i = 1; i < outer; ++i) between *= reduced_.dims[i].size;
    DimList middle;
    for (int i = 1; i < outer; ++i) middle.dims[middle.count++] = reduced_.dims[i];
    for (int64_t i = begin; i < end; ++i, x += reduced_.dims[outer].in)
      for (int64_t j = 0; j < between; ++j)
        inner(x + locate(middle, 0, j).in, n, reduced_.dims[0].size, 0, accs);
  }

  void inner(const char* x, int64_t n, int64_t length, int64_t base, Accs& accs) const {
    const Dim &r = reduced_.dims[0], &k = kept_.dims[0];
    if (by_rows_) {
      f_.rows(x, n, k.in, length, r.in, base, accs.at(0));
      return;
    }
    // Few columns: several rows as one of several times the columns. What lies in the gaps of a row, if
    // anything, is reduced, too, and left aside; behind the last row there may be no memory.
    constexpr int64_t kNarrow = 64;
    const int64_t apart = k.in / item_, pitch = r.in / item_;  // elements from column to column, row to row
    const int64_t fold = kNarrow / std::max<int64_t>(pitch, 1);
    const int64_t folded = fold < 2 ? 0 : (length - 1) / fold * fold;
    if (f_.positional || fold < 2 || folded < 2 * fold || pitch <= (n - 1) * apart) {
      f_.columns(x, length, r.in, n, k.in, base, accs.at(0));
      return;
    }
    Accs wide(f_, fold * pitch);
    f_.columns(x, folded / fold, r.in * fold, fold * pitch, item_, 0, wide.at(0));
    f_.columns(x + folded * r.in, length - folded, r.in, n, k.in, 0, accs.at(0));
    for (int64_t i = 0; i < fold; ++i) {
      if (apart == 1)
        f_.merge(accs.at(0), wide.at(i * pitch), n);
      else
        for (int64_t c = 0; c < n; ++c) f_.merge(accs.at(c), wide.at(i * pitch + c * apart), 1);
    }
  }

  void finish(const char* accs, int64_t out, int64_t n) const {
    for (const ReduceTarget& target : targets_) {
      const int64_t item = itemsize(target.out.dtype());
      f_.finish(accs, n, static_cast<char*>(target.out.data_ptr()) + out * item, kept_.dims[0].out * item,
                target.params);
    }
  }

  const Reduction& f_;
  const char* x_;
  std::span<const ReduceTarget> targets_;
  DimList kept_, reduced_;
  bool by_rows_;
  int64_t block_, outputs_, item_;
};

}  // namespace

void reduce(const Reduction& f, const Tensor& self, DimMask mask, std::span<const ReduceTarget> targets) {
  const int64_t outputs = targets[0].out.numel();
  if (outputs == 0) return;
  for (const ReduceTarget& t : targets)
    check<RuntimeError>(f.result_size == 0 || f.result_size == itemsize(t.out.dtype()),
                        "reduction: its results have {} bytes, those of dtype {} have {}", f.result_size,
                        t.out.dtype(), itemsize(t.out.dtype()));
  const int64_t n = self.numel();
  if (n == 0 || (outputs == 1 && n <= kTask && self.is_contiguous())) {  // nothing to plan
    if (outputs == 1) {
      alignas(64) char acc[64];
      f.init(acc, 1);
      if (n) f.rows(static_cast<const char*>(self.data_ptr()), 1, 0, n, itemsize(self.dtype()), 0, acc);
      for (const ReduceTarget& t : targets)
        f.finish(acc, 1, static_cast<char*>(t.out.data_ptr()), 0, t.params);
    } else {
      Accs accs(f, outputs);
      for (const ReduceTarget& t : targets)
        f.finish(accs.at(0), outputs, static_cast<char*>(t.out.data_ptr()), itemsize(t.out.dtype()),
                 t.params);
    }
    return;
  }
  Plan(f, self, mask, targets).run();
}

}  // namespace plait::cpu
