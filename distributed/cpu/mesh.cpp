#include "distributed/cpu/mesh.h"

#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

namespace plait::distributed {
namespace {

// How long a rank sleeps before it looks whether the group still stands.
constexpr Milliseconds kNap{50};
// Where memory and sockets are waited for together, no bell rings for both.
constexpr Milliseconds kShortNap{1};

// Processes of one boot of one machine may share memory (in containers of their own they cannot: opening
// fails).
std::string boot() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string id;
  std::getline(file, id);
  return id;
}

bool wants_shared_memory() {
  const char* value = std::getenv("PLAIT_DISTRIBUTED_SHARED_MEMORY");
  return !value || std::strcmp(value, "0") != 0;
}

std::string random_word() {
  std::random_device random;
  char text[40];
  std::snprintf(text, sizeof text, "%08x%08x%08x%08x", random(), random(), random(), random());
  return text;
}

std::vector<std::string> split(const std::string& text, char by) {
  std::vector<std::string> parts(1);
  for (const char c : text)
    if (c == by)
      parts.emplace_back();
    else
      parts.back() += c;
  return parts;
}

struct Hello {  // the first bytes of a connection, from the rank that makes it
  char word[32];
  int32_t rank, lane;
};

}  // namespace

// What a rank tells the others: where it listens, a word that shows that it is the one meant, its memory.
struct Mesh::Address {
  std::vector<std::string> hosts;
  int port = 0;
  std::string word, boot, memory;

  std::string text() const {
    std::string joined;
    for (const std::string& host : hosts) joined += (joined.empty() ? "" : ",") + host;
    return joined + "|" + std::to_string(port) + "|" + word + "|" + boot + "|" + memory;
  }
  static Address parse(const std::string& text) {
    const auto parts = split(text, '|');
    check<RuntimeError>(parts.size() == 5, "init_process_group: a rank's address is '{}', which says nothing",
                        text);
    return {split(parts[0], ','), std::atoi(parts[1].c_str()), parts[2], parts[3], parts[4]};
  }
};

Mesh::Mesh(Group& group) : group_(group) {
  const int n = group.size(), rank = group.rank();
  const auto deadline = Clock::now() + group.options.timeout;
  theirs_.resize(n);
  lines_.resize(n);
  mail_.resize(n);
  channels_.resize(n);
  group.set_wake([this] {
    doorbell_.ring();
    if (mine_.valid()) mine_.bell().ring();
  });
  if (n == 1) return;

  Address own;
  own.hosts = split(group.options.hosts, ',');
  bool local = true;
  for (const std::string& host : own.hosts) local &= host.starts_with("127.") || host == "localhost";
  Socket listener = listen_anywhere(local, 2 * n, own.port);
  own.word = random_word();
  own.boot = boot();
  if (wants_shared_memory()) mine_ = Inbox::create(n);
  own.memory = mine_.name();
  const auto key = [](int r) { return "rank" + std::to_string(r); };
  group.options.exchange.put(key(rank), own.text());
  std::vector<Address> known(n);
  for (int r = 0; r < n; ++r) known[r] = r == rank ? own : Address::parse(group.options.exchange.get(key(r)));

  connect(known, deadline);
  // The ranks above call here, each twice.
  for (int missing = 2 * (n - 1 - rank); missing > 0;) {
    Socket s = accept_until(listener, deadline);
    if (!s) {
      std::vector<int> absent;
      for (int r = rank + 1; r < n; ++r)
        if (!lines_[r] || !mail_[r]) absent.push_back(r);
      fail<RuntimeError>(
          "init_process_group: rank {} of group '{}' waited {} for a connection from {}; is every process "
          "running, and may it reach {} port {}?",
          rank, group.options.name, seconds_since(deadline - group.options.timeout), list_ranks(absent),
          group.options.hosts, own.port);
    }
    Hello hello;
    const auto soon = std::min(deadline, Clock::now() + Milliseconds(10000));
    if (!s.receive_all(&hello, sizeof hello, soon)) continue;  // somebody else's
    if (std::memcmp(hello.word, own.word.data(), sizeof hello.word) != 0) continue;
    if (hello.rank <= rank || hello.rank >= n || (hello.lane != 0 && hello.lane != 1)) continue;
    if (!s.send_all(own.word.data(), sizeof hello.word, soon)) continue;
    auto& slot = (hello.lane == 0 ? lines_ : mail_)[hello.rank];
    if (!slot) --missing;
    slot = std::move(s);
  }
  share_memory(known, deadline);
}

void Mesh::connect(const std::vector<Address>& known, Clock::time_point deadline) {
  for (int peer = 0; peer < group_.rank(); ++peer)
    for (int lane = 0; lane < 2; ++lane) {
      Hello hello;
      std::memcpy(hello.word, known[peer].word.data(), sizeof hello.word);
      hello.rank = group_.rank();
      hello.lane = lane;
      Socket made;
      while (!made && Clock::now() < deadline) {
        for (const std::string& host : known[peer].hosts) {
          Socket s = connect_once(host, known[peer].port, deadline);
          char answer[sizeof hello.word];
          if (!s || !s.send_all(&hello, sizeof hello, deadline) ||
              !s.receive_all(answer, sizeof answer, deadline) ||
              std::memcmp(answer, hello.word, sizeof answer) != 0)
            continue;
          made = std::move(s);
          break;
        }
        if (!made) ::usleep(50 * 1000);
      }
      if (!made)
        fail<RuntimeError>(
            "init_process_group: rank {} of group '{}' cannot connect to rank {} at {} port {}",
            group_.rank(), group_.options.name, peer, known[peer].hosts[0], known[peer].port);
      (lane == 0 ? lines_ : mail_)[peer] = std::move(made);
    }
}

// Two ranks share memory where each can open the other's. Each tells the other; who has heard from all may
// unlink its own.
void Mesh::share_memory(const std::vector<Address>& known, Clock::time_point deadline) {
  const int n = group_.size(), rank = group_.rank();
  for (int peer = 0; peer < n; ++peer) {
    if (peer == rank) continue;
    if (mine_.valid() && known[peer].boot == known[rank].boot && mine_.reserve(peer))
      theirs_[peer] = Inbox::open(known[peer].memory, n);
    const char can = theirs_[peer].valid();
    if (!lines_[peer].send_all(&can, 1, deadline))
      fail<RuntimeError>("init_process_group: rank {} of group '{}' has gone while its group was made", peer,
                         group_.options.name);
  }
  for (int peer = 0; peer < n; ++peer) {
    if (peer == rank) continue;
    char can = 0;
    if (!lines_[peer].receive_all(&can, 1, deadline))
      fail<RuntimeError>("init_process_group: rank {} of group '{}' has gone while its group was made", peer,
                         group_.options.name);
    if (can && theirs_[peer].valid()) {
      channels_[peer] = std::make_unique<SharedChannel>(mine_, theirs_[peer], rank, peer);
      lines_[peer] = Socket();
    } else {
      theirs_[peer] = Inbox();
      channels_[peer] = std::make_unique<TcpChannel>(std::move(lines_[peer]));
    }
  }
  mine_.unlink();
}

void Mesh::sleep(std::span<const int> readers, std::span<const int> writers,
                 const std::function<bool()>& look) {
  std::vector<pollfd> polled;
  bool memory = false;
  const auto add = [&](int peer, short event) {
    const int fd = channels_[peer]->fd();
    if (fd < 0)
      memory = true;
    else
      polled.push_back({fd, event, 0});
  };
  for (const int peer : readers) add(peer, POLLIN);
  for (const int peer : writers) add(peer, POLLOUT);
  if (polled.empty()) {
    Inbox::Bell& bell = mine_.bell();
    const uint32_t seen = bell.count.load(std::memory_order_seq_cst);
    bell.sleeping.store(1, std::memory_order_seq_cst);
    if (!look()) sleep_on(bell, seen, kNap);
    bell.sleeping.store(0, std::memory_order_relaxed);
    return;
  }
  polled.push_back({doorbell_.fd(), POLLIN, 0});
  ::poll(polled.data(), polled.size(), static_cast<int>((memory ? kShortNap : kNap).count()));
  if (polled.back().revents) doorbell_.quiet();
}

}  // namespace plait::distributed
