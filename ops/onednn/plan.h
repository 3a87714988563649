// How a call reaches oneDNN. A `Plan` is what one operation on one set of shapes, strides and dtypes needs:
// primitives, in order, and the memory objects they read and write. Building one takes tens of microseconds
// to milliseconds (code is generated), so each thread keeps its plans in a `PlanCache` under a `Key`; a call
// that finds its plan only sets the data pointers and executes.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dnnl.hpp"
#include "ops/cpu/onednn.h"
#include "ops/onednn/building.h"

namespace plait::cpu::dnn {

using Sizes = dnnl::memory::dims;
using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
using Type = dnnl::memory::data_type;

constexpr int kMostDims = 8;

const dnnl::engine& engine();
const dnnl::stream& stream();  // the calling thread's

// `undef` for what oneDNN does not compute in (everything but float32, bfloat16, float16).
Type type_of(DType dtype);

std::string describe(const View& view);  // "float32 (2, 3) strides (3, 1)"

// Raises where a call of the C interface did not succeed.
void check_status(dnnl_status_t status, const char* what,
                  const std::source_location& where = std::source_location::current());

// Threads worth using for so many multiply-adds or elements, as set for the lifetime of the scope.
class Threads {
 public:
  explicit Threads(bool small);
  ~Threads();
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;
  int count() const { return count_; }

 private:
  int before_;
  int count_;
};

// Scratch memory for the length of one call, at least 64-byte aligned. Arenas of one thread must not overlap
// in time.
class Arena {
 public:
  explicit Arena(size_t bytes);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  char* data() const { return data_; }

 private:
  char* data_ = nullptr;
  char* borrowed_ = nullptr;
  size_t capacity_ = 0;
};

enum class Kind : uint8_t { Matmul, ConvForward, ConvBackward };

// Everything that a plan depends on, packed into words.
class Key {
 public:
  Key(Kind kind, int threads) { add((static_cast<int64_t>(kind) << 32) | threads); }
  void add(int64_t word) {
    if (size_ < kWords) words_[size_] = word;
    ++size_;  // a key that does not fit is seen by fits()
  }
  void add(float value) { add(static_cast<int64_t>(__builtin_bit_cast(uint32_t, value))); }
  void add(const View& view) {
    add((static_cast<int64_t>(view.dtype) << 8) | view.ndim);
    for (int i = 0; i < view.ndim; ++i) add(view.sizes[i]);
    for (int i = 0; i < view.ndim; ++i) add(view.strides[i]);
  }
  // An optional view: present or not is part of the key.
  void add(const View* view) {
    if (view)
      add(*view);
    else
      add(int64_t{-1});
  }
  void add(const Window& window);
  bool fits() const { return size_ <= kWords; }
  std::span<const int64_t> words() const { return {words_.data(), static_cast<size_t>(size_)}; }
  uint64_t hash() const;

 private:
  static constexpr int kWords = 144;
  std::array<int64_t, kWords> words_;
  int size_ = 0;
};

class Plan {
 public:
  struct Slot {
    int index = -1;
  };
  using Arguments = std::initializer_list<std::pair<int, Slot>>;

  // Building. User memory is given at every run, in the order of these calls; scratch memory lives during a
  // run.
  Slot user(const Desc& desc);
  Slot scratch(const Desc& desc);
  // What `wanted` asks for, made from `from` by a reorder where the layouts differ.
  Slot as(Slot from, const Desc& wanted);
  void add(const dnnl::primitive& primitive, const Desc& scratchpad, Arguments arguments);
  // Where a result of layout `computed` goes: to its owner's memory, or to scratch memory, from which
  // deliver() copies.
  Slot result(Slot owner, const Desc& computed) {
    return desc(owner) == computed ? owner : scratch(computed);
  }
  // Gives a result that was computed in another layout to its owner.
  void deliver(Slot computed, Slot owner);
  Desc desc(Slot slot) const { return slots_[static_cast<size_t>(slot.index)].memory.get_desc(); }

  void run(std::span<const void* const> data);
  void run(std::initializer_list<const void*> data) { run(std::span(data.begin(), data.size())); }

  // What the plan's caller needs to know at each run (such as the layout of a packed weight).
  Desc packed;

 private:
  struct Memory {
    dnnl::memory memory;
    int64_t offset;  // in the arena; -1 for user memory
  };
  struct Step {
    dnnl::primitive primitive;
    std::vector<dnnl_exec_arg_t> arguments;
  };
  void bind_scratch(char* base);

  std::vector<Memory> slots_;
  std::vector<int> users_;
  std::vector<const void*> bound_;
  std::vector<Step> steps_;
  size_t arena_bytes_ = 0;
  char* arena_ = nullptr;  // where scratch memory was bound last
};

// At most kCapacity plans of one thread; when full, the quarter not used for longest goes.
class PlanCache {
 public:
  static PlanCache& of_thread();

  // The plan of the key, from `build(plan)` where it is new; null where build returned false or oneDNN has no
  // implementation (which is remembered too). A caller that can do without passes `early`: while the key has
  // been asked for only a few times, nothing is built, *early becomes true and the result is null.
  template <class Build>
  Plan* find(const Key& key, const Build& build, bool* early = nullptr) {
    const uint64_t hash = key.hash();
    if (Entry* entry = look_up(key, hash)) return entry->plan.get();
    if (early && (*early = is_early(hash))) return nullptr;
    auto plan = std::make_unique<Plan>();
    const Building building;
    try {
      if (!key.fits() || !build(*plan)) plan.reset();
    } catch (const dnnl::error& error) {
      if (error.status != dnnl_unimplemented) throw;
      plan.reset();
    }
    return insert(key, hash, std::move(plan));
  }
  void clear();

 private:
  static constexpr size_t kCapacity = 1024;
  static constexpr size_t kBuckets = 1024;
  // A plan costs what it saves in some tens of calls; shapes that differ from call to call never get there.
  static constexpr uint32_t kEarlyCalls = 8;
  struct Entry {
    uint64_t hash;
    uint64_t used;
    std::vector<int64_t> key;
    std::unique_ptr<Plan> plan;
    std::unique_ptr<Entry> next;
  };
  Entry* look_up(const Key& key, uint64_t hash);
  Plan* insert(const Key& key, uint64_t hash, std::unique_ptr<Plan> plan);
  void evict();
  bool is_early(uint64_t hash);

  struct Asked {
    uint64_t hash = 0;
    uint32_t times = 0;
  };
  std::vector<std::unique_ptr<Entry>> buckets_{kBuckets};
  std::vector<Asked> asked_{kBuckets};  // of keys without a plan, the latest in each bucket
  size_t size_ = 0;
  uint64_t clock_ = 0;
};

// Runs `f`, which builds or executes; what goes wrong in oneDNN is raised with the operation and its
// operands.
[[noreturn]] void raise(const char* op, std::initializer_list<const View*> operands,
                        const dnnl::error& error);

template <class F>
bool guarded(const char* op, std::initializer_list<const View*> operands, const F& f) {
  try {
    return f();
  } catch (const dnnl::error& error) {
    raise(op, operands, error);
  }
}

// A descriptor with the view's own strides, or an empty one where oneDNN cannot express them (overlap, stride
// 0, dtype).
Desc desc_of(const View& view);
// The same sizes and dtype in a layout of oneDNN's choice, or with channels innermost, or contiguous.
Desc any_layout(const View& view);
Desc channels_last(const View& view);
Desc contiguous(const View& view);
bool is_channels_last(const View& view);

// The attributes that all primitives share: scratch memory is ours.
dnnl::primitive_attr attributes();
void append_epilogue(dnnl::post_ops& ops, Epilogue epilogue);

// Is this one of oneDNN's reference implementations (correct, a hundred times slower)?
bool is_reference(const char* implementation);

}  // namespace plait::cpu::dnn
