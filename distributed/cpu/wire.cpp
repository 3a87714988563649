#include "distributed/cpu/wire.h"

namespace plait::distributed {

std::string_view name(Kind kind) {
  static constexpr std::string_view names[] = {"all_reduce",     "reduce",     "broadcast", "all_gather",
                                               "reduce_scatter", "all_to_all", "barrier",   "transfer",
                                               "status",         "abort",      "bye"};
  return names[static_cast<int>(kind)];
}

std::string describe(const Header& h) {
  std::string text(name(h.kind));
  if (h.kind == Kind::Barrier) return text + "()";
  text += "(";
  if (h.kind == Kind::AllReduce || h.kind == Kind::Reduce || h.kind == Kind::ReduceScatter)
    text += std::string(name(h.reduction)) + ", ";
  text += name(h.dtype);
  if (h.kind != Kind::AllToAll) text += message(", {} elements", h.numel);
  if (h.root >= 0) text += message(", root {}", h.root);
  return text + ")";
}

}  // namespace plait::distributed
