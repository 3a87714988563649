#include "distributed/cpu/steps.h"

#include <sched.h>

#include "distributed/cpu/combine.h"

namespace plait::distributed {
namespace {

constexpr char kZeros[kAlign] = {};

// Combined at once, before the sender may write on.
constexpr size_t kPiece = 64 * 1024;

// A rank that finds nothing to do looks again for some microseconds, then lets others run, then sleeps.
constexpr int kLooks = 200, kYields = 60;
// Where giving the processor away took longer than this, others want it: then it sleeps at once, and is woken
// in time, where a thread that comes back by itself waits for its turn.
constexpr std::chrono::microseconds kCrowded{30};

// How long nothing must have moved before a failure elsewhere ends the call here: what had been sent before
// it is still on its way, and may be all that is missing.
constexpr Milliseconds kGrace{100};
// How long a rank waits before it tells the others in what.
constexpr Milliseconds kTellAfter{500};

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

size_t total(size_t bytes, bool pads) { return sizeof(Header) + (pads ? padded(bytes) : bytes); }

template <class Message>
std::vector<int> ranks_of(std::span<Message> messages, Mesh& mesh) {
  std::vector<int> ranks;
  for (Message& m : messages)
    if (m.done < total(m.header.bytes, mesh.channel(m.peer).pads()) &&
        std::find(ranks.begin(), ranks.end(), m.peer) == ranks.end())
      ranks.push_back(m.peer);
  return ranks;
}

}  // namespace

std::string Runner::where() const {
  return message("{}, collective {} of group '{}', on rank {}", describe(call), call.number,
                 group.options.name, group.rank());
}

bool Runner::push(Outgoing& o) {
  Channel& channel = mesh.channel(o.peer);
  const size_t bytes = o.header.bytes, all = total(bytes, channel.pads()), before = o.done;
  while (o.done < all) {
    std::span<const char> head, data;
    if (o.done < sizeof(Header)) {
      head = {reinterpret_cast<const char*>(&o.header) + o.done, sizeof(Header) - o.done};
      data = {o.data, bytes};
    } else if (o.done < sizeof(Header) + bytes) {
      const size_t at = o.done - sizeof(Header);
      head = {o.data + at, bytes - at};
    } else {
      head = {kZeros, all - o.done};
    }
    const size_t n = channel.write_some(head, data);
    if (n == 0) break;
    o.done += n;
  }
  return o.done != before;
}

bool Runner::pull(Incoming& i) {
  Channel& channel = mesh.channel(i.peer);
  const size_t bytes = i.header.bytes, all = total(bytes, channel.pads()), before = i.done;
  while (i.done < sizeof(Header)) {
    const size_t n = channel.read_some(reinterpret_cast<char*>(&i.got) + i.done, sizeof(Header) - i.done);
    if (n == 0) return i.done != before;
    i.done += n;
    if (i.done == sizeof(Header)) verify(i);
  }
  const size_t item = itemsize(i.header.dtype);
  while (i.done < sizeof(Header) + bytes) {
    const size_t at = i.done - sizeof(Header), left = bytes - at;
    size_t n = 0;
    if (i.combines) {
      const auto ready = channel.peek(item);
      n = std::min({ready.size(), left, kPiece}) / item * item;
      if (n > 0) {
        combine(i.data + at, ready.data(), n / item, i.header.dtype, i.header.reduction);
        channel.consume(n);
      }
    } else {
      n = channel.read_some(i.data + at, left);
    }
    if (n == 0) break;
    i.done += n;
  }
  while (i.done >= sizeof(Header) + bytes && i.done < all) {
    char rest[kAlign];
    const size_t n = channel.read_some(rest, all - i.done);
    if (n == 0) break;
    i.done += n;
  }
  return i.done != before;
}

void Runner::raise_mismatch(int peer, const Header& theirs) const {
  if (theirs.number != call.number && theirs.kind == call.kind)
    fail<RuntimeError>("{}: rank {} is at collective {}; ranks of a group must make the same calls", where(),
                       peer, theirs.number);
  fail<RuntimeError>(
      "{}: rank {} called {} instead; all ranks of a group must make the same calls, in the same order, with "
      "the same shapes and dtypes",
      where(), peer, describe(theirs));
}

void Runner::verify(const Incoming& i) const {
  if (i.got.magic != kMagic)
    fail<RuntimeError>(
        "{}: what came from rank {} is no message of plait's; do all ranks run the same version?", where(),
        i.peer);
  if (!i.got.same_call(i.header)) raise_mismatch(i.peer, i.got);
  if (i.got.bytes != i.header.bytes || i.got.phase != i.header.phase)
    fail<RuntimeError>("{}: rank {} sends {} bytes here, expected {}; do the sizes agree on all ranks?",
                       where(), i.peer, i.got.bytes, i.header.bytes);
}

// Now and then, when nothing moves: is there a reason to go on waiting?
void Runner::look_around(std::span<Outgoing> out, std::span<Incoming> in, Clock::time_point still_since) {
  if (poll && *poll) (*poll)();
  const auto now = Clock::now();
  std::vector<int> missing = ranks_of(in, mesh);
  if (missing.empty()) missing = ranks_of(out, mesh);
  for (const int peer : missing) {
    const auto status = group.status(peer);
    if (status && status->number == call.number && !status->same_call(call)) raise_mismatch(peer, *status);
  }
  if (now - still_since < kGrace) return;
  if (group.failed()) group.raise();
  for (const int peer : missing)
    if (const auto presence = group.presence(peer); presence != Group::Presence::Here)
      fail<RuntimeError>(
          "{}: rank {} {} (after {})", where(), peer,
          presence == Group::Presence::Left
              ? "has left the group, by destroy_process_group() or by ending"
              : "has gone without a word: its process has ended, or its machine is not reached",
          seconds_since(begin));
  if (now - begin > group.options.timeout) {
    std::string at;
    for (const int peer : missing)
      if (const auto status = group.status(peer))
        at += message("; rank {} waits in {}, its collective {}", peer, describe(*status), status->number);
    fail<RuntimeError>(
        "{}: {} did not take part within {}, the group's timeout{}; init_process_group(timeout=...) gives "
        "more time",
        where(), list_ranks(missing), seconds_since(begin), at);
  }
  if (!told_ && now - begin > kTellAfter && tell) {
    told_ = true;
    tell(call);
  }
}

void Runner::run(std::span<Outgoing> out, std::span<Incoming> in, bool in_order) {
  const auto step = [&](bool& done) {
    bool moved = false;
    done = true;
    for (Outgoing& o : out) {
      const size_t all = total(o.header.bytes, mesh.channel(o.peer).pads());
      if (o.done < all) moved |= push(o);
      done &= o.done == all;
    }
    for (Incoming& i : in) {
      const size_t all = total(i.header.bytes, mesh.channel(i.peer).pads());
      if (i.done < all) moved |= pull(i);
      done &= i.done == all;
      if (in_order && i.done < all) break;
    }
    return moved;
  };
  int idle = 0;
  Clock::time_point still_since;
  for (bool done = false;;) {
    const bool moved = step(done);
    if (done) return;
    if (moved) {
      idle = 0;
    } else if (++idle <= kLooks) {
      relax();
    } else if (idle <= kLooks + kYields) {
      const auto before = Clock::now();
      if (idle == kLooks + 1) still_since = before;
      ::sched_yield();
      if (Clock::now() - before > kCrowded) idle = kLooks + kYields;
    } else {
      auto readers = ranks_of(in, mesh);
      const auto writers = ranks_of(out, mesh);
      if (in_order && readers.size() > 1) readers.resize(1);  // what the others sent is not taken yet
      bool came = false;
      mesh.sleep(readers, writers, [&] { return came = step(done); });
      if (done) return;
      if (came)
        idle = 0;
      else
        look_around(out, in, still_since);
    }
  }
}

}  // namespace plait::distributed
