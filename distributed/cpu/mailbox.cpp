#include "distributed/cpu/mailbox.h"

#include <poll.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace plait::distributed {
namespace {

// How long a rank that leaves tries to tell the others.
constexpr Milliseconds kFarewell{2000};

// Of one rank's messages that nobody has asked for.
constexpr uint64_t kMostKept = uint64_t{512} << 20;
constexpr uint64_t kLongestText = 1 << 20;

uint64_t most_kept() {
  const char* value = std::getenv("PLAIT_DISTRIBUTED_MAILBOX_BYTES");
  if (!value || !*value) return kMostKept;
  char* end = nullptr;
  const unsigned long long bytes = std::strtoull(value, &end, 10);
  check<ValueError>(*end == 0 && *value != '-',
                    "PLAIT_DISTRIBUTED_MAILBOX_BYTES: expected a number of bytes, got '{}'", value);
  return bytes;
}

// What comes from outside is looked at before anything is made of it.
bool is_sound(const Header& h) {
  if (h.magic != kMagic || h.kind > Kind::Bye || static_cast<int>(h.dtype) >= kDTypeCount ||
      h.reduction > Reduction::BitXor)
    return false;
  if (h.kind != Kind::Data) return h.bytes <= kLongestText;
  uint64_t bytes = 0;
  return !__builtin_mul_overflow(h.numel, static_cast<uint64_t>(itemsize(h.dtype)), &bytes) &&
         bytes == h.bytes;
}

std::exception_ptr error(const std::string& why) { return std::make_exception_ptr(RuntimeError(why)); }

}  // namespace

// ---- Job

void Job::wait(Milliseconds timeout, const std::function<void()>& poll) {
  const auto begin = Clock::now();
  std::unique_lock lock(mutex_);
  while (!done_) {
    Milliseconds nap(poll ? 50 : 1000);
    if (timeout.count() >= 0) {
      const auto left = std::chrono::duration_cast<Milliseconds>(begin + timeout - Clock::now());
      if (left.count() <= 0)
        fail<RuntimeError>("wait: {} has not ended after {}", what, seconds_since(begin));
      nap = std::min(nap, left);
    }
    if (done_changed_.wait_for(lock, nap, [this] { return done_; })) break;
    if (poll) {
      lock.unlock();
      poll();
      lock.lock();
    }
  }
  if (failure_) std::rethrow_exception(failure_);
}

bool Job::is_completed() {
  std::lock_guard lock(mutex_);
  return done_;
}

std::exception_ptr Job::failure() {
  std::lock_guard lock(mutex_);
  return failure_;
}

void Job::finish(std::exception_ptr failure) {
  {
    std::lock_guard lock(mutex_);
    if (done_) return;
    done_ = true;
    failure_ = std::move(failure);
  }
  done_changed_.notify_all();
}

// ---- Mailbox

Mailbox::Mailbox(Group& group, Mesh& mesh) : group_(group), lines_(group.size()), most_kept_(most_kept()) {
  for (int peer = 0; peer < group.size(); ++peer) lines_[peer].socket = mesh.take_mail_socket(peer);
  if (group.size() == 1) return;
  thread_ = std::thread([this] {
    try {
      run();
    } catch (const std::exception& failure) {  // a message that there is no memory for
      const std::string why = message("rank {} of group '{}' cannot receive: {}", group_.rank(),
                                      group_.options.name, failure.what());
      group_.fail(why);
      std::lock_guard lock(mutex_);
      for (Request& r : requests_) complete(r.batch, error(why));
      requests_.clear();
      for (Line& line : lines_) line = Line();  // the others see that this rank is lost
    }
  });
}

void Mailbox::queue(int peer, Kind kind, const Header& like, const std::string& text) {
  if (peer == group_.rank() || !lines_[peer].socket) return;
  Letter letter;
  letter.header = like;
  if (kind != Kind::Status) letter.header.kind = kind;
  // What a Status tells is the header of the call that the rank waits in.
  letter.header.tag = kind == Kind::Status ? 1 : 0;
  letter.text = text.substr(0, kLongestText);
  letter.header.bytes = letter.text.size();
  append(lines_[peer], std::move(letter));
}

void Mailbox::append(Line& line, Letter letter) {
  if (line.letters.empty()) line.written = Clock::now();
  line.letters.push_back(std::move(letter));
}

void Mailbox::tell(const Header& call) {
  {
    std::lock_guard lock(mutex_);
    for (int peer = 0; peer < group_.size(); ++peer) queue(peer, Kind::Status, call, "");
  }
  doorbell_.ring();
}

void Mailbox::abort(const std::string& why) {
  {
    std::lock_guard lock(mutex_);
    for (int peer = 0; peer < group_.size(); ++peer) queue(peer, Kind::Abort, Header(), why);
    while (!requests_.empty()) {
      complete(requests_.front().batch, error(why));
      requests_.pop_front();
    }
  }
  doorbell_.ring();
}

void Mailbox::leave() {
  {
    std::lock_guard lock(mutex_);
    for (int peer = 0; peer < group_.size(); ++peer) queue(peer, Kind::Bye, Header(), "");
  }
  doorbell_.ring();
}

void Mailbox::stop() {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    stopping_ = true;
    stop_by_ = Clock::now() + kFarewell;
  }
  doorbell_.ring();
  if (thread_.joinable()) thread_.join();
  const std::string why = message("group '{}' has been destroyed", group_.options.name);
  std::lock_guard lock(mutex_);
  for (Request& r : requests_) complete(r.batch, error(why));
  requests_.clear();
  for (Line& line : lines_) {
    for (Letter& letter : line.letters) complete(letter.batch, error(why));
    if (line.request) complete(line.request->batch, error(why));
    line = Line();
  }
}

void Mailbox::complete(const std::shared_ptr<Batch>& batch, std::exception_ptr failure) {
  if (!batch) return;
  if (failure)
    batch->job->finish(std::move(failure));
  else if (--batch->left == 0)
    batch->job->finish();
}

WorkPtr Mailbox::post(std::vector<Transfer> transfers) {
  auto batch = std::make_shared<Batch>();
  batch->job = std::make_shared<Job>();
  batch->left = transfers.size();
  batch->job->what = message("a transfer of group '{}' on rank {}", group_.options.name, group_.rank());
  if (transfers.empty()) batch->job->finish();
  {
    std::lock_guard lock(mutex_);
    if (stopping_) group_.raise();
    for (Transfer& t : transfers) {
      if (t.send) {
        Letter letter;
        letter.header.kind = Kind::Data;
        letter.header.dtype = t.tensor.dtype();
        letter.header.numel = t.tensor.numel();
        letter.header.bytes = t.tensor.nbytes();
        letter.header.tag = t.tag;
        letter.tensor = std::move(t.tensor);
        letter.batch = batch;
        Line& line = lines_[t.peer];
        if (!line.socket)
          complete(batch, error(message("send: rank {} of group '{}' has gone{}", t.peer, group_.options.name,
                                        line.how)));
        else
          append(line, std::move(letter));
        continue;
      }
      Request request{t.peer, t.tag, std::move(t.tensor), batch, Clock::now()};
      bool found = false;
      for (int peer = 0; peer < group_.size() && !found; ++peer) {
        if (request.peer != kAnyRank && request.peer != peer) continue;
        auto& arrived = lines_[peer].arrived;
        for (auto it = arrived.begin(); it != arrived.end() && !found; ++it)
          if (it->header.tag == request.tag) {
            found = true;
            take(request, *it, peer);
            lines_[peer].kept -= it->bytes.size();
            arrived.erase(it);
            break;
          }
      }
      if (found) continue;
      if (request.peer != kAnyRank && !lines_[request.peer].socket)
        complete(batch, error(message("recv: rank {} of group '{}' has gone{}", request.peer,
                                      group_.options.name, lines_[request.peer].how)));
      else
        requests_.push_back(std::move(request));
    }
  }
  doorbell_.ring();
  return batch->job;
}

void Mailbox::check_fit(const Request& request, const Header& header, int peer) const {
  if (header.dtype == request.tensor.dtype() &&
      header.bytes == static_cast<uint64_t>(request.tensor.nbytes()))
    return;
  fail<RuntimeError>(
      "recv: rank {} of group '{}' sent {} elements of {} with tag {}, but the tensor given on rank {} has "
      "{} of {}; both must be the same",
      peer, group_.options.name, header.numel, header.dtype, header.tag, group_.rank(),
      request.tensor.numel(), request.tensor.dtype());
}

void Mailbox::take(Request& request, Arrived& arrived, int peer) {
  try {
    check_fit(request, arrived.header, peer);
  } catch (...) {
    complete(request.batch, std::current_exception());
    return;
  }
  if (!arrived.bytes.empty())
    std::memcpy(request.tensor.data_ptr(), arrived.bytes.data(), arrived.bytes.size());
  request.batch->job->set_source(peer);
  complete(request.batch);
}

bool Mailbox::write(Line& line) {
  while (!line.letters.empty()) {
    Letter& l = line.letters.front();
    const size_t all = sizeof(Header) + l.header.bytes;
    while (l.done < all) {
      ssize_t n = 0;
      if (l.done < sizeof(Header))
        n = line.socket.send_some(reinterpret_cast<const char*>(&l.header) + l.done, sizeof(Header) - l.done,
                                  l.data(), l.header.bytes);
      else
        n = line.socket.send_some(l.data() + (l.done - sizeof(Header)), all - l.done);
      if (n < 0) return false;
      if (n == 0) return true;
      l.done += n;
      line.written = Clock::now();
    }
    complete(l.batch);
    line.letters.pop_front();
  }
  return true;
}

// The header is there: whom is the message for?
bool Mailbox::begin_message(int peer) {
  Line& line = lines_[peer];
  line.waits = false;
  line.done = 0;
  line.request.reset();
  line.bytes.clear();
  line.drops = false;
  if (line.header.kind == Kind::Data)
    for (auto it = requests_.begin(); it != requests_.end(); ++it)
      if ((it->peer == peer || it->peer == kAnyRank) && it->tag == line.header.tag) {
        Request request = std::move(*it);
        requests_.erase(it);
        try {
          check_fit(request, line.header, peer);
          line.request = std::move(request);
          return true;
        } catch (...) {
          complete(request.batch, std::current_exception());
        }
        line.drops = true;
        break;
      }
  if (line.drops) return true;
  line.waits = line.header.kind == Kind::Data && line.header.bytes > most_kept_ - line.kept;
  if (!line.waits) line.bytes.resize(line.header.bytes);
  return !line.waits;
}

void Mailbox::end_message(int peer) {
  Line& line = lines_[peer];
  line.header_done = 0;
  const std::string text(line.bytes.begin(), line.bytes.end());
  if (line.header.tag == 1 && line.header.kind < Kind::Data) {
    group_.set_status(peer, line.header);
  } else if (line.header.kind == Kind::Abort) {
    group_.fail(text);
    const std::string why = group_.why();
    for (Request& r : requests_) complete(r.batch, error(why));
    requests_.clear();
  } else if (line.header.kind == Kind::Bye) {
    group_.set_presence(peer, Group::Presence::Left);
    fail_requests(peer, message("recv: rank {} has left the group '{}', and sent nothing with the tag", peer,
                                group_.options.name));
  } else if (line.drops) {
    line.drops = false;
  } else if (line.request) {
    line.request->batch->job->set_source(peer);
    complete(line.request->batch);
    line.request.reset();
  } else {
    // Somebody may have asked for it while it came.
    Arrived arrived{line.header, std::move(line.bytes)};
    for (auto it = requests_.begin(); it != requests_.end(); ++it)
      if ((it->peer == peer || it->peer == kAnyRank) && it->tag == arrived.header.tag) {
        take(*it, arrived, peer);
        requests_.erase(it);
        return;
      }
    line.kept += arrived.bytes.size();
    line.arrived.push_back(std::move(arrived));
  }
}

bool Mailbox::read(int peer) {
  Line& line = lines_[peer];
  for (;;) {
    if (line.header_done < sizeof(Header)) {
      const ssize_t n = line.socket.receive_some(reinterpret_cast<char*>(&line.header) + line.header_done,
                                                 sizeof(Header) - line.header_done);
      if (n <= 0) return n == 0;
      line.header_done += n;
      if (line.header_done < sizeof(Header)) continue;
      if (!is_sound(line.header)) {
        lose(peer, ": what came from it is no message of plait's");
        return true;
      }
      if (!begin_message(peer)) return true;
    } else if (line.waits && !begin_message(peer)) {
      return true;
    }
    while (line.done < line.header.bytes) {
      char nowhere[1 << 14];
      const uint64_t left = line.header.bytes - line.done;
      ssize_t n = 0;
      if (line.drops)
        n = line.socket.receive_some(nowhere, std::min<uint64_t>(left, sizeof nowhere));
      else if (line.request)
        n = line.socket.receive_some(static_cast<char*>(line.request->tensor.data_ptr()) + line.done, left);
      else
        n = line.socket.receive_some(line.bytes.data() + line.done, left);
      if (n <= 0) return n == 0;
      line.done += n;
    }
    end_message(peer);
  }
}

void Mailbox::fail_requests(int peer, const std::string& why) {
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (it->peer != peer) {
      ++it;
      continue;
    }
    complete(it->batch, error(why));
    it = requests_.erase(it);
  }
}

// The connection has ended.
void Mailbox::lose(int peer, const std::string& how) {
  Line& line = lines_[peer];
  if (group_.presence(peer) == Group::Presence::Here) group_.set_presence(peer, Group::Presence::Lost);
  const std::string why =
      message("rank {} of group '{}' has gone{}, and rank {} waits for a transfer", peer, group_.options.name,
              !how.empty()                                     ? how
              : group_.presence(peer) == Group::Presence::Left ? ""
                                                               : " without a word: its process has ended",
              group_.rank());
  fail_requests(peer, why);
  if (line.request) complete(line.request->batch, error(why));
  for (Letter& letter : line.letters) complete(letter.batch, error(why));
  line.request.reset();
  line.letters.clear();
  line.waits = false;
  line.how = how;
  line.socket = Socket();
}

void Mailbox::check_times() {
  const auto now = Clock::now();
  for (auto it = requests_.begin(); it != requests_.end();) {
    if (now - it->since < group_.options.timeout) {
      ++it;
      continue;
    }
    complete(it->batch,
             error(message("recv: {} of group '{}' sent nothing with tag {} within {}, the group's timeout{}",
                           it->peer == kAnyRank ? std::string("no rank") : message("rank {}", it->peer),
                           group_.options.name, it->tag, seconds_since(it->since), held_up(it->peer))));
    it = requests_.erase(it);
  }
  // They are sent when the rank takes them after all, but nobody waits for it any more.
  for (int peer = 0; peer < group_.size(); ++peer) {
    Line& line = lines_[peer];
    if (line.letters.empty() || now - line.written < group_.options.timeout) continue;
    for (Letter& letter : line.letters)
      complete(std::exchange(letter.batch, nullptr),
               error(message("send: rank {} of group '{}' has not taken {} bytes with tag {} within {}, the "
                             "group's timeout; it asks for other messages or for none, and keeps as much as "
                             "it may (PLAIT_DISTRIBUTED_MAILBOX_BYTES there)",
                             peer, group_.options.name, letter.header.bytes, letter.header.tag,
                             seconds_since(line.written))));
  }
}

std::string Mailbox::held_up(int peer) const {
  for (int p = 0; p < group_.size(); ++p) {
    const Line& line = lines_[p];
    if (line.waits && (peer == p || peer == kAnyRank))
      return message(
          "; a message of rank {} with tag {} has to be received first: it has {} bytes, and {} bytes of {} "
          "that nobody has asked for are kept already (PLAIT_DISTRIBUTED_MAILBOX_BYTES)",
          p, line.header.tag, line.header.bytes, line.kept, most_kept_);
  }
  return "";
}

void Mailbox::run() {
  std::vector<pollfd> polled;
  std::vector<int> peers;
  for (;;) {
    int nap = -1;  // until something comes
    polled.clear();
    peers.clear();
    {
      std::lock_guard lock(mutex_);
      bool unsent = false;
      for (int peer = 0; peer < group_.size(); ++peer) {
        Line& line = lines_[peer];
        if (!line.socket) continue;
        const bool writes = !line.letters.empty();
        unsent |= writes;
        const auto events = static_cast<short>((line.waits ? 0 : POLLIN) | (writes ? POLLOUT : 0));
        polled.push_back({events ? line.socket.fd() : -1, events, 0});
        peers.push_back(peer);
      }
      if (stopping_ && (!unsent || Clock::now() > stop_by_)) return;
      check_times();
      if (stopping_ || unsent || !requests_.empty()) nap = 200;
    }
    polled.push_back({doorbell_.fd(), POLLIN, 0});
    ::poll(polled.data(), polled.size(), nap);
    if (polled.back().revents) doorbell_.quiet();
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < peers.size(); ++i) {
      Line& line = lines_[peers[i]];
      if (!line.socket) continue;
      bool alive = true;
      if (line.waits || polled[i].revents & (POLLIN | POLLHUP | POLLERR)) alive = read(peers[i]);
      if (alive && line.socket) alive = write(line);
      if (!alive) lose(peers[i], "");
    }
  }
}

}  // namespace plait::distributed
