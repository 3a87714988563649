#include "ops/onednn/weights.h"

#include <list>
#include <mutex>
#include <unordered_map>

#include "core/allocator.h"
#include "core/fork.h"

namespace plait::cpu::dnn {
namespace {

constexpr size_t kMostBytes = size_t{512} << 20;
constexpr size_t kMostEntries = 512;

struct Entry {
  const void* data;
  Stamp stamp;
  Desc layout;
  PackedWeight packed;
  size_t bytes;
};

class Cache {
 public:
  Cache() { hold_over_forks(mutex_); }

  PackedWeight find(const void* data, Stamp stamp, const Desc& layout) {
    const std::lock_guard lock(mutex_);
    const auto [first, last] = index_.equal_range(data);
    for (auto it = first; it != last; ++it)
      if (it->second->stamp == stamp && it->second->layout == layout) {
        entries_.splice(entries_.begin(), entries_, it->second);
        return it->second->packed;
      }
    return nullptr;
  }

  void insert(Entry entry) {
    const std::lock_guard lock(mutex_);
    // Another stamp for the same memory: the old content is gone.
    const auto [first, last] = index_.equal_range(entry.data);
    for (auto it = first; it != last;) {
      const auto entry_it = it->second;
      ++it;
      if (entry_it->stamp != entry.stamp) erase(entry_it);
    }
    bytes_ += entry.bytes;
    entries_.push_front(std::move(entry));
    index_.emplace(entries_.front().data, entries_.begin());
    while ((bytes_ > kMostBytes || entries_.size() > kMostEntries) && entries_.size() > 1)
      erase(std::prev(entries_.end()));
  }

  void clear() {
    const std::lock_guard lock(mutex_);
    index_.clear();
    entries_.clear();
    bytes_ = 0;
  }

 private:
  using List = std::list<Entry>;

  void erase(List::iterator entry) {
    const auto [first, last] = index_.equal_range(entry->data);
    for (auto it = first; it != last; ++it)
      if (it->second == entry) {
        index_.erase(it);
        break;
      }
    bytes_ -= entry->bytes;
    entries_.erase(entry);
  }

  std::mutex mutex_;
  List entries_;  // most recently used first
  std::unordered_multimap<const void*, List::iterator> index_;
  size_t bytes_ = 0;
};

Cache& cache() {
  static Cache& cache = *new Cache;  // never destroyed: threads may outlive main
  return cache;
}

}  // namespace

PackedWeight packed_weight(const void* data, Stamp stamp, const Desc& from, const Desc& to) {
  if (PackedWeight packed = cache().find(data, stamp, to)) return packed;
  const size_t bytes = to.get_size();
  size_t capacity = 0;
  void* block = cpu_allocator().allocate(bytes, capacity);
  std::shared_ptr<void> packed(block, [capacity](void* p) { cpu_allocator().deallocate(p, capacity); });

  Plan plan;
  {
    const Building building;
    const Plan::Slot source = plan.user(from);
    plan.deliver(source, plan.user(to));
  }
  plan.run({data, block});
  cache().insert({data, stamp, to, packed, bytes});
  return packed;
}

void clear_packed_weights() { cache().clear(); }

}  // namespace plait::cpu::dnn
