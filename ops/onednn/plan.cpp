#include "ops/onednn/plan.h"

#include <omp.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "core/allocator.h"
#include "core/error.h"
#include "core/parallel.h"

namespace plait::cpu::dnn {
namespace {

constexpr size_t kAlignment = 64;
constexpr size_t kKeptArena = size_t{1}
                              << 20;  // what each thread keeps; more is borrowed from the allocator's cache

char* kept_arena() {
  struct Free {
    void operator()(char* block) const { std::free(block); }
  };
  static thread_local std::unique_ptr<char, Free> block;
  if (!block) {
    block.reset(static_cast<char*>(std::aligned_alloc(kAlignment, kKeptArena)));
    check<OutOfMemoryError>(block != nullptr, "oneDNN kernels: no memory for {} bytes of scratch space.",
                            kKeptArena);
  }
  return block.get();
}

// dnnl::error keeps a pointer to its text; this one keeps the text.
class Failure : public dnnl::error {
 public:
  Failure(dnnl_status_t status, std::string text) : dnnl::error(status, ""), text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

size_t aligned(size_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }

Sizes sizes_of(const View& view) { return Sizes(view.sizes, view.sizes + view.ndim); }

Sizes packed_strides(const View& view, bool channels_inside) {
  Sizes strides(static_cast<size_t>(view.ndim));
  int64_t step = 1;
  auto place = [&](int dim) {
    strides[static_cast<size_t>(dim)] = step;
    step *= view.sizes[dim];
  };
  if (channels_inside) {
    place(1);
    for (int i = view.ndim - 1; i >= 2; --i) place(i);
    place(0);
  } else {
    for (int i = view.ndim - 1; i >= 0; --i) place(i);
  }
  return strides;
}

bool same_layout(const View& view, const Sizes& strides) {
  for (int i = 0; i < view.ndim; ++i)
    if (view.sizes[i] != 1 && view.strides[i] != strides[static_cast<size_t>(i)]) return false;
  return true;
}

}  // namespace

Arena::Arena(size_t bytes) {
  if (bytes > kKeptArena)
    data_ = borrowed_ = static_cast<char*>(cpu_allocator().allocate(bytes, capacity_));
  else
    data_ = kept_arena();
}
Arena::~Arena() {
  if (borrowed_) cpu_allocator().deallocate(borrowed_, capacity_);
}

const dnnl::engine& engine() {
  // Never destroyed: threads that end after main still hold primitives made with it.
  static const dnnl::engine& engine = *new dnnl::engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

const dnnl::stream& stream() {
  static thread_local const dnnl::stream stream(engine());
  return stream;
}

Type type_of(DType dtype) {
  switch (dtype) {
    case DType::Float32: return Type::f32;
    case DType::BFloat16: return Type::bf16;
    case DType::Float16: return Type::f16;
    default: return Type::undef;
  }
}

std::string describe(const View& view) {
  const auto size = static_cast<size_t>(view.ndim);
  return message("{} {} strides {}", view.dtype, std::span(view.sizes, size), std::span(view.strides, size));
}

void check_status(dnnl_status_t status, const char* what, const std::source_location& where) {
  if (status == dnnl_success) return;
  throw Failure(status, message("{} at {}:{}", what, where.file_name(), static_cast<unsigned>(where.line())));
}

void raise(const char* op, std::initializer_list<const View*> operands, const dnnl::error& error) {
  std::string list;
  for (const View* view : operands) {
    if (!view) continue;
    if (!list.empty()) list += "; ";
    list += describe(*view);
  }
  if (error.status == dnnl_out_of_memory)
    fail<OutOfMemoryError>("{}: oneDNN ran out of memory for operands {} ({}). Try smaller batches.", op,
                           list, error.what());
  fail<RuntimeError>(
      "{}: oneDNN refused operands {}: {} (status {}). Try contiguous inputs; the environment variable "
      "ONEDNN_VERBOSE=all prints what oneDNN is asked for.",
      op, list, error.what(), static_cast<int>(error.status));
}

Threads::Threads(bool small) : before_(omp_get_max_threads()) {
  count_ = small || omp_in_parallel() ? 1 : num_threads();
  if (count_ != before_) omp_set_num_threads(count_);
}
Threads::~Threads() {
  if (count_ != before_) omp_set_num_threads(before_);
}

void Key::add(const Window& window) {
  add((static_cast<int64_t>(window.spatial) << 32) | window.groups);
  for (size_t i = 0; i < static_cast<size_t>(window.spatial); ++i) {
    add(window.stride[i]);
    add(window.dilation[i]);
    add(window.pad_begin[i]);
    add(window.pad_end[i]);
  }
}

uint64_t Key::hash() const {
  uint64_t hash = 0x9e3779b97f4a7c15u;
  const int size = std::min(size_, kWords);
  for (int i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<uint64_t>(words_[static_cast<size_t>(i)])) * 0xff51afd7ed558ccdu;
    hash ^= hash >> 32;
  }
  return hash;
}

Plan::Slot Plan::user(const Desc& desc) {
  const Slot slot{static_cast<int>(slots_.size())};
  slots_.push_back({dnnl::memory(desc, engine(), DNNL_MEMORY_NONE), -1});
  users_.push_back(slot.index);
  bound_.push_back(nullptr);
  return slot;
}

Plan::Slot Plan::scratch(const Desc& desc) {
  const Slot slot{static_cast<int>(slots_.size())};
  slots_.push_back({dnnl::memory(desc, engine(), DNNL_MEMORY_NONE), static_cast<int64_t>(arena_bytes_)});
  arena_bytes_ += aligned(desc.get_size());
  return slot;
}

Plan::Slot Plan::as(Slot from, const Desc& wanted) {
  if (desc(from) == wanted) return from;
  const Slot to = scratch(wanted);
  deliver(from, to);
  return to;
}

void Plan::deliver(Slot computed, Slot owner) {
  if (computed.index == owner.index) return;
  const dnnl::reorder::primitive_desc pd(engine(), desc(computed), engine(), desc(owner), attributes());
  add(dnnl::reorder(pd), pd.scratchpad_desc(), {{DNNL_ARG_FROM, computed}, {DNNL_ARG_TO, owner}});
}

void Plan::add(const dnnl::primitive& primitive, const Desc& scratchpad, Arguments arguments) {
  Step step{primitive, {}};
  for (const auto& [name, slot] : arguments)
    if (slot.index >= 0)
      step.arguments.push_back({name, slots_[static_cast<size_t>(slot.index)].memory.get()});
  if (scratchpad.get_size() > 0)
    step.arguments.push_back(
        {DNNL_ARG_SCRATCHPAD, slots_[static_cast<size_t>(scratch(scratchpad).index)].memory.get()});
  steps_.push_back(std::move(step));
}

void Plan::bind_scratch(char* base) {
  for (const Memory& slot : slots_)
    if (slot.offset >= 0)
      check_status(dnnl_memory_set_data_handle(slot.memory.get(), base + slot.offset),
                   "binding scratch memory");
  arena_ = base;
}

void Plan::run(std::span<const void* const> data) {
  check<RuntimeError>(data.size() == users_.size(), "oneDNN kernels: a plan with {} operands was given {}.",
                      users_.size(), data.size());
  size_t i = 0;
  for (const void* pointer : data) {
    if (bound_[i] != pointer) {
      const Memory& slot = slots_[static_cast<size_t>(users_[i])];
      check_status(dnnl_memory_set_data_handle(slot.memory.get(), const_cast<void*>(pointer)),
                   "binding memory");
      bound_[i] = pointer;
    }
    ++i;
  }
  auto execute = [&] {
    dnnl_stream_t const on = stream().get();
    for (const Step& step : steps_)
      check_status(dnnl_primitive_execute(step.primitive.get(), on, static_cast<int>(step.arguments.size()),
                                          step.arguments.data()),
                   "executing a primitive");
  };
  if (arena_bytes_ == 0) return execute();
  const Arena arena(arena_bytes_);
  if (arena.data() != arena_) bind_scratch(arena.data());
  execute();
}

PlanCache& PlanCache::of_thread() {
  static thread_local PlanCache cache;
  return cache;
}

PlanCache::Entry* PlanCache::look_up(const Key& key, uint64_t hash) {
  for (Entry* entry = buckets_[hash % kBuckets].get(); entry; entry = entry->next.get())
    if (entry->hash == hash && std::ranges::equal(entry->key, key.words())) {
      entry->used = ++clock_;
      return entry;
    }
  return nullptr;
}

bool PlanCache::is_early(uint64_t hash) {
  Asked& asked = asked_[hash % kBuckets];
  if (asked.hash != hash) asked = {hash, 0};
  return ++asked.times <= kEarlyCalls;
}

Plan* PlanCache::insert(const Key& key, uint64_t hash, std::unique_ptr<Plan> plan) {
  if (!key.fits()) return nullptr;
  if (size_ >= kCapacity) evict();
  auto& bucket = buckets_[hash % kBuckets];
  bucket = std::make_unique<Entry>(
      Entry{hash, ++clock_, {key.words().begin(), key.words().end()}, std::move(plan), std::move(bucket)});
  ++size_;
  return bucket->plan.get();
}

void PlanCache::evict() {
  std::vector<uint64_t> times;
  times.reserve(size_);
  for (const auto& bucket : buckets_)
    for (const Entry* entry = bucket.get(); entry; entry = entry->next.get()) times.push_back(entry->used);
  const auto limit = times.begin() + static_cast<std::ptrdiff_t>(times.size() / 4);
  std::ranges::nth_element(times, limit);
  for (auto& bucket : buckets_)
    for (std::unique_ptr<Entry>* link = &bucket; *link;) {
      if ((*link)->used < *limit) {
        *link = std::move((*link)->next);
        --size_;
      } else {
        link = &(*link)->next;
      }
    }
}

void PlanCache::clear() {
  for (auto& bucket : buckets_) bucket.reset();
  size_ = 0;
}

Desc desc_of(const View& view) {
  const Type type = type_of(view.dtype);
  if (type == Type::undef || view.ndim < 1 || view.ndim > kMostDims) return {};
  if (is_channels_last(view)) return channels_last(view);
  if (same_layout(view, packed_strides(view, false))) return contiguous(view);

  // No two indices may meet: sorted by stride, each dimension must step over all that is inside it.
  std::array<int, kMostDims> order{};
  int count = 0;
  for (int i = 0; i < view.ndim; ++i)
    if (view.sizes[i] != 1) order[static_cast<size_t>(count++)] = i;
  for (int i = 1; i < count; ++i)  // insertion sort: at most eight
    for (int j = i; j > 0; --j) {
      int &inner = order[static_cast<size_t>(j - 1)], &outer = order[static_cast<size_t>(j)];
      if (view.strides[inner] > view.strides[outer]) std::swap(inner, outer);
    }
  int64_t extent = 1;
  for (int i = 0; i < count; ++i) {
    const int dim = order[static_cast<size_t>(i)];
    if (view.strides[dim] < extent) return {};
    extent = view.strides[dim] * view.sizes[dim];
  }
  Sizes strides(view.strides, view.strides + view.ndim);
  for (int i = 0; i < view.ndim; ++i)
    if (view.sizes[i] == 1) strides[static_cast<size_t>(i)] = extent;
  return Desc(sizes_of(view), type, strides);
}

Desc any_layout(const View& view) { return Desc(sizes_of(view), type_of(view.dtype), Tag::any); }
Desc channels_last(const View& view) {
  return Desc(sizes_of(view), type_of(view.dtype), packed_strides(view, true));
}
Desc contiguous(const View& view) {
  return Desc(sizes_of(view), type_of(view.dtype), packed_strides(view, false));
}
bool is_channels_last(const View& view) {
  // With one channel, or one pixel, both layouts are the same; it then counts as contiguous.
  return view.ndim >= 3 && same_layout(view, packed_strides(view, true)) &&
         !same_layout(view, packed_strides(view, false));
}

dnnl::primitive_attr attributes() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

void append_epilogue(dnnl::post_ops& ops, Epilogue epilogue) {
  switch (epilogue) {
    case Epilogue::None: return;
    case Epilogue::Relu: return ops.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
    case Epilogue::GeluTanh: return ops.append_eltwise(dnnl::algorithm::eltwise_gelu_tanh, 0, 0);
    case Epilogue::GeluErf: return ops.append_eltwise(dnnl::algorithm::eltwise_gelu_erf, 0, 0);
  }
}

bool is_reference(const char* implementation) { return std::string_view(implementation).starts_with("ref"); }

}  // namespace plait::cpu::dnn
