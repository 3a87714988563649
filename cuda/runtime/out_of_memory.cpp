#include "cuda/runtime/out_of_memory.h"

#include <algorithm>
#include <cstdio>

#include "core/error.h"

namespace plait::cuda {
namespace {

constexpr size_t kTop = 8;  // groups of live allocations that are named

struct Group {
  const BlockNote* first;
  int64_t count;
};

// Blocks of one origin (a layer in a loop) count together.
std::vector<Group> largest_groups(const std::vector<BlockNote>& blocks) {
  std::vector<const BlockNote*> sorted;
  for (const BlockNote& b : blocks) sorted.push_back(&b);
  const auto key = [](const BlockNote* b) {
    return std::tuple(b->size, b->op, b->site.code, b->site.instruction, b->dims, b->sizes[0], b->sizes[1]);
  };
  std::sort(sorted.begin(), sorted.end(),
            [&](const BlockNote* a, const BlockNote* b) { return key(a) > key(b); });
  std::vector<Group> groups;
  for (const BlockNote* b : sorted) {
    if (!groups.empty() && groups.back().first->same_origin(*b))
      ++groups.back().count;
    else
      groups.push_back({b, 1});
  }
  const auto bytes = [](const Group& g) { return g.first->size * static_cast<size_t>(g.count); };
  std::stable_sort(groups.begin(), groups.end(),
                   [&](const Group& a, const Group& b) { return bytes(a) > bytes(b); });
  if (groups.size() > kTop) groups.resize(kTop);
  return groups;
}

std::string describe(const Group& group) {
  const BlockNote& note = *group.first;
  std::string text = bytes_text(note.size);
  if (group.count > 1) text = message("{} x {}", group.count, text);
  if (note.op) text += message("  {}", note.op);
  if (const std::string shape = note.shape_text(); !shape.empty()) text += "  " + shape;
  if (const std::string line = note.line_text(); !line.empty()) text += "  at " + line;
  return text;
}

}  // namespace

BlockNote::BlockNote(const Block& block)
    : size(block.size),
      op(block.op),
      site(block.site),
      dims(block.dims),
      dtype(block.dtype) {
  std::copy(std::begin(block.sizes), std::end(block.sizes), std::begin(sizes));
}

bool BlockNote::same_origin(const BlockNote& other) const {
  return size == other.size && op == other.op && site.code == other.site.code &&
         site.instruction == other.site.instruction && dims == other.dims &&
         std::equal(std::begin(sizes), std::begin(sizes) + std::max(dims, 0), std::begin(other.sizes));
}

std::string BlockNote::shape_text() const {
  if (dims < 0) return {};
  return message("{} {}", std::span<const int64_t>(sizes, static_cast<size_t>(dims)), dtype);
}

std::string BlockNote::line_text() const {
  return site.code && describe_call_site ? describe_call_site(site) : std::string();
}

void MemoryReport::add_live(const Block& block) {
  if (!block.pool->small) {
    large.emplace_back(block);
    return;
  }
  small_bytes += block.size;
  ++small_count;
}

std::string bytes_text(size_t bytes) {
  constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  int unit = 0;
  auto value = static_cast<double>(bytes);
  for (; value >= 1024 && unit < 6; ++unit) value /= 1024;
  char text[32];
  std::snprintf(text, sizeof text, unit ? "%.2f %s" : "%.0f %s", value, units[unit]);
  return text;
}

void throw_out_of_memory(const MemoryReport& r) {
  const auto text_of = [](int64_t bytes) {
    return bytes_text(static_cast<size_t>(std::max<int64_t>(bytes, 0)));
  };
  std::string text = message(
      "out of memory on cuda:{}: {} were asked for; {} of {} on the device are free, {} are in live tensors, "
      "{} are cached",
      r.device, bytes_text(r.requested), bytes_text(r.free), bytes_text(r.total), text_of(r.live),
      text_of(r.reserved - r.live - r.pending));
  if (r.pending) text += message(", {} wait for another stream", text_of(r.pending));
  const int64_t others = static_cast<int64_t>(r.total - r.free) - r.reserved;
  if (others > 0) text += message(", {} are held by other libraries and processes", text_of(others));
  text += message("; of the cache the largest block has {}, and {} lie beside live tensors",
                  bytes_text(r.largest_free), text_of(r.split));
  if (r.in_private_pools) text += message("; {} belong to captured graphs", text_of(r.in_private_pools));
  if (r.limit != SIZE_MAX)
    text += message("; set_per_process_memory_fraction allows {} of the device, {}", r.fraction,
                    bytes_text(r.limit));
  text += "; ";
  if (r.capturing)
    text +=
        "a graph is being captured, so that the cache cannot be given back: call plait.cuda.empty_cache() "
        "before the capture";
  else if (r.requested > r.total)
    text += "no cache can help: it is more than the device has";
  else if (r.requested <= static_cast<size_t>(std::max<int64_t>(r.split, 0)))
    text +=
        "the free memory is in pieces: allocate the large tensors first, or call plait.cuda.empty_cache() "
        "between phases of different shapes";
  else
    text +=
        "use a smaller batch, bfloat16, plait.utils.checkpoint, or drop tensors (and losses kept with their "
        "graphs) that are no longer needed";
  if (!r.large.empty()) {
    text += "\n  largest live allocations:";
    for (const Group& group : largest_groups(r.large)) text += "\n    " + describe(group);
  }
  if (r.small_count)
    text +=
        message("\n  and {} blocks of at most 1 MiB, {} in all", r.small_count, bytes_text(r.small_bytes));
  throw OutOfMemoryError(text);
}

}  // namespace plait::cuda
