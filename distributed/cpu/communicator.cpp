// The CPU's library, PyTorch's backend "gloo" by name: collectives on plait's own transport.
//
// Note [Algorithms]
// Every rank is connected to every other, so few steps are needed. A small tensor goes whole to all ranks,
// and each combines what has come in the order of the ranks. A large one is cut into a part for each rank: a
// rank gets its part from all others and combines them (in the order of the ranks behind it, so that no two
// ranks are asked by all at once), then gives the result to all. Each rank moves 2 (n - 1) / n of the tensor,
// as a ring does, in 2 steps in place of 2 (n - 1). Every element is combined in one place and one order: all
// ranks get the same bits, in every run.
//
// Note [In the caller's thread]
// A call that is waited for at once is run by the caller, where nothing is queued: waking a thread and being
// woken by it costs several times what a small message does.
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <deque>

#include "distributed/cpu/combine.h"
#include "distributed/cpu/mailbox.h"
#include "distributed/cpu/steps.h"

namespace plait::distributed {
namespace {

// Tensors up to this size go whole to everybody.
constexpr size_t kSmall = 16 * 1024;

char* bytes_of(const Tensor& t) { return static_cast<char*>(t.data_ptr()); }

struct Parts {  // of a tensor's elements, one for each rank
  size_t numel, item;
  int ranks;
  size_t begin(int r) const { return numel * r / ranks; }
  size_t count(int r) const { return begin(r + 1) - begin(r); }
  size_t offset(int r) const { return begin(r) * item; }
  size_t bytes(int r) const { return count(r) * item; }
};

// ---- the collectives, on the thread that runs them

class Collective {
 public:
  explicit Collective(Runner& run) : run_(run), rank_(run.group.rank()), ranks_(run.group.size()) {}

  void all_reduce(const Tensor& t) {
    start(t);
    if (ranks_ > 1) {
      if (t.nbytes() <= static_cast<int64_t>(kSmall)) {
        reduce_small(t);
      } else {
        const Parts parts = parts_of(t);
        scatter_reduced(bytes_of(t), parts);
        share_parts(bytes_of(t), parts, 1);
      }
    } else {
      finish(bytes_of(t), t.numel(), t.dtype(), run_.call.reduction, ranks_);
    }
  }

  void reduce(const Tensor& t) {
    start(t);
    const int root = run_.call.root;
    if (ranks_ == 1 || ranks_ == 2 || t.nbytes() <= static_cast<int64_t>(kSmall)) {
      if (rank_ == root) {
        std::vector<Incoming> in;
        for (const int peer : others()) in.push_back(to_receive(peer, bytes_of(t), t.nbytes(), 0, true));
        run_.run({}, in, true);
        finish(bytes_of(t), t.numel(), t.dtype(), run_.call.reduction, ranks_);
      } else {
        Outgoing out[] = {to_send(root, bytes_of(t), t.nbytes())};
        run_.run(out, {});
      }
      return;
    }
    const Parts parts = parts_of(t);
    scatter_reduced(bytes_of(t), parts);
    if (rank_ == root) {
      std::vector<Incoming> in;
      for (const int peer : others())
        in.push_back(to_receive(peer, bytes_of(t) + parts.offset(peer), parts.bytes(peer), 1));
      run_.run({}, in);
    } else {
      Outgoing out[] = {to_send(root, bytes_of(t) + parts.offset(rank_), parts.bytes(rank_), 1)};
      run_.run(out, {});
    }
  }

  void broadcast(const Tensor& t) {
    start(t);
    const int root = run_.call.root;
    if (ranks_ <= 2 || t.nbytes() <= static_cast<int64_t>(kSmall)) {
      if (rank_ == root) {
        std::vector<Outgoing> out;
        for (const int peer : others()) out.push_back(to_send(peer, bytes_of(t), t.nbytes()));
        run_.run(out, {});
      } else {
        Incoming in[] = {to_receive(root, bytes_of(t), t.nbytes())};
        run_.run({}, in);
      }
      return;
    }
    // The root sends each rank its part, and they share them: so it sends the tensor twice, not n - 1 times.
    const Parts parts = parts_of(t);
    if (rank_ == root) {
      std::vector<Outgoing> out;
      for (const int peer : others())
        out.push_back(to_send(peer, bytes_of(t) + parts.offset(peer), parts.bytes(peer)));
      run_.run(out, {});
    } else {
      Incoming in[] = {to_receive(root, bytes_of(t) + parts.offset(rank_), parts.bytes(rank_))};
      run_.run({}, in);
    }
    share_parts(bytes_of(t), parts, 1, root);
  }

  void all_gather(const Tensor& out, const Tensor& in) {
    start(in);
    const size_t bytes = in.nbytes();
    char* own = bytes_of(out) + rank_ * bytes;
    if (own != bytes_of(in) && bytes > 0) std::memmove(own, bytes_of(in), bytes);
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    for (const int peer : others()) {
      sends.push_back(to_send(peer, own, bytes));
      receives.push_back(to_receive(peer, bytes_of(out) + peer * bytes, bytes));
    }
    run_.run(sends, receives);
  }

  void reduce_scatter(const Tensor& out, const Tensor& in) {
    start(out);
    const size_t bytes = out.nbytes();
    const char* own = bytes_of(in) + rank_ * bytes;
    if (own != bytes_of(out) && bytes > 0) std::memmove(bytes_of(out), own, bytes);
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    for (const int peer : others()) {
      sends.push_back(to_send(peer, bytes_of(in) + peer * bytes, bytes));
      receives.push_back(to_receive(peer, bytes_of(out), bytes, 0, true));
    }
    run_.run(sends, receives, true);
    finish(bytes_of(out), out.numel(), out.dtype(), run_.call.reduction, ranks_);
  }

  void all_to_all(const Tensor& out, const Tensor& in, const std::vector<int64_t>& out_counts,
                  const std::vector<int64_t>& in_counts) {
    start(in);
    run_.call.numel = 0;
    const size_t item = itemsize(in.dtype());
    std::vector<size_t> out_at(ranks_), in_at(ranks_);
    for (int r = 1; r < ranks_; ++r) {
      out_at[r] = out_at[r - 1] + out_counts[r - 1] * item;
      in_at[r] = in_at[r - 1] + in_counts[r - 1] * item;
    }
    if (in_counts[rank_] > 0)
      std::memmove(bytes_of(out) + out_at[rank_], bytes_of(in) + in_at[rank_], in_counts[rank_] * item);
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    for (const int peer : others()) {
      sends.push_back(to_send(peer, bytes_of(in) + in_at[peer], in_counts[peer] * item));
      receives.push_back(to_receive(peer, bytes_of(out) + out_at[peer], out_counts[peer] * item));
    }
    run_.run(sends, receives);
  }

  void barrier() {
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    for (const int peer : others()) {
      sends.push_back(to_send(peer, nullptr, 0));
      receives.push_back(to_receive(peer, nullptr, 0));
    }
    run_.run(sends, receives);
  }

 private:
  void start(const Tensor& t) {
    run_.call.dtype = t.dtype();
    run_.call.numel = t.numel();
  }
  Parts parts_of(const Tensor& t) const {
    return {static_cast<size_t>(t.numel()), static_cast<size_t>(itemsize(t.dtype())), ranks_};
  }
  // The other ranks, from the one behind this on.
  std::vector<int> others() const {
    std::vector<int> list;
    for (int step = 1; step < ranks_; ++step) list.push_back((rank_ + step) % ranks_);
    return list;
  }
  Outgoing to_send(int peer, const char* data, size_t bytes, uint8_t phase = 0) const {
    Outgoing o{peer, run_.call, data};
    o.header.bytes = bytes;
    o.header.phase = phase;
    return o;
  }
  Incoming to_receive(int peer, char* data, size_t bytes, uint8_t phase = 0, bool combines = false) const {
    Incoming i{peer, run_.call, data, combines};
    i.header.bytes = bytes;
    i.header.phase = phase;
    return i;
  }

  void reduce_small(const Tensor& t) {
    const size_t bytes = t.nbytes();
    std::vector<char> came(bytes * ranks_);
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    for (const int peer : others()) {
      sends.push_back(to_send(peer, bytes_of(t), bytes));
      receives.push_back(to_receive(peer, came.data() + peer * bytes, bytes));
    }
    run_.run(sends, receives);
    if (bytes == 0) return;
    std::memcpy(came.data() + rank_ * bytes, bytes_of(t), bytes);
    for (int r = 1; r < ranks_; ++r)
      combine(came.data(), came.data() + r * bytes, t.numel(), t.dtype(), run_.call.reduction);
    std::memcpy(bytes_of(t), came.data(), bytes);
    finish(bytes_of(t), t.numel(), t.dtype(), run_.call.reduction, ranks_);
  }

  // Each rank's part holds the reduction afterwards.
  void scatter_reduced(char* data, const Parts& parts) {
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    // Rank r takes from r + 1 first: so the rank before this one comes first here.
    for (int step = 1; step < ranks_; ++step) {
      const int to = (rank_ + ranks_ - step) % ranks_;
      sends.push_back(to_send(to, data + parts.offset(to), parts.bytes(to)));
    }
    for (const int peer : others())
      receives.push_back(to_receive(peer, data + parts.offset(rank_), parts.bytes(rank_), 0, true));
    run_.run(sends, receives, true);
    finish(data + parts.offset(rank_), parts.count(rank_), run_.call.dtype, run_.call.reduction, ranks_);
  }

  // Each rank gives its part to all, but to `except`, which has them.
  void share_parts(char* data, const Parts& parts, uint8_t phase, int except = -1) {
    std::vector<Outgoing> sends;
    std::vector<Incoming> receives;
    for (const int peer : others()) {
      if (peer != except)
        sends.push_back(to_send(peer, data + parts.offset(rank_), parts.bytes(rank_), phase));
      if (rank_ != except)
        receives.push_back(to_receive(peer, data + parts.offset(peer), parts.bytes(peer), phase));
    }
    run_.run(sends, receives);
  }

  Runner& run_;
  const int rank_, ranks_;
};

// ---- the communicator

class CpuCommunicator final : public Communicator {
 public:
  explicit CpuCommunicator(const GroupOptions& options)
      : Communicator(options),
        made_by_(::getpid()),
        state_(std::make_unique<State>(options)) {}

  ~CpuCommunicator() override { close(); }

  const char* library() const override { return "gloo"; }

  WorkPtr all_reduce(std::vector<Tensor> tensors, Reduction reduction, const Call& call) override {
    for (const Tensor& t : tensors) check_reduction("all_reduce", reduction, t.dtype());
    return submit(Kind::AllReduce, reduction, -1, call, tensors.size(),
                  [tensors](Collective& c, size_t i) { c.all_reduce(tensors[i]); });
  }
  WorkPtr reduce(Tensor tensor, int root, Reduction reduction, const Call& call) override {
    check_reduction("reduce", reduction, tensor.dtype());
    return submit(Kind::Reduce, reduction, root, call, 1,
                  [tensor](Collective& c, size_t) { c.reduce(tensor); });
  }
  WorkPtr broadcast(Tensor tensor, int root, const Call& call) override {
    return submit(Kind::Broadcast, Reduction::Sum, root, call, 1,
                  [tensor](Collective& c, size_t) { c.broadcast(tensor); });
  }
  WorkPtr all_gather(Tensor out, Tensor in, const Call& call) override {
    return submit(Kind::AllGather, Reduction::Sum, -1, call, 1,
                  [out, in](Collective& c, size_t) { c.all_gather(out, in); });
  }
  WorkPtr reduce_scatter(Tensor out, Tensor in, Reduction reduction, const Call& call) override {
    check_reduction("reduce_scatter", reduction, out.dtype());
    return submit(Kind::ReduceScatter, reduction, -1, call, 1,
                  [out, in](Collective& c, size_t) { c.reduce_scatter(out, in); });
  }
  WorkPtr all_to_all(Tensor out, Tensor in, std::vector<int64_t> out_counts, std::vector<int64_t> in_counts,
                     const Call& call) override {
    return submit(Kind::AllToAll, Reduction::Sum, -1, call, 1,
                  [out, in, out_counts = std::move(out_counts), in_counts = std::move(in_counts)](
                      Collective& c, size_t) { c.all_to_all(out, in, out_counts, in_counts); });
  }
  WorkPtr barrier(const Call& call) override {
    return submit(Kind::Barrier, Reduction::Sum, -1, call, 1, [](Collective& c, size_t) { c.barrier(); });
  }
  WorkPtr transfer(std::vector<Transfer> transfers, const Call&) override {
    check_usable();
    for (const Transfer& t : transfers)
      check(t.peer != rank() && t.peer < size() && (t.peer >= 0 || (!t.send && t.peer == kAnyRank)),
            "{}: expected another rank of the {} in group '{}', got {}, and this is rank {}",
            t.send ? "send" : "recv", size(), group(), t.peer, rank());
    return state_->mailbox.post(std::move(transfers));
  }

  void abort(const std::string& why) override {
    if (::getpid() == made_by_ && state_) end(why);
  }

  void close() override {
    if (!state_) return;
    if (::getpid() != made_by_) {  // a child of fork: its threads, and the connections, are the parent's
      state_.release();
      return;
    }
    State& s = *state_;
    s.group.fail(message("group '{}' has been destroyed on rank {}", group(), rank()));
    {
      std::lock_guard lock(s.mutex);
      if (s.closing) return;
      s.closing = true;
    }
    s.changed.notify_all();
    if (s.worker.joinable()) s.worker.join();
    {
      std::unique_lock lock(s.mutex);  // a call in some other thread of the program
      s.changed.wait(lock, [&] { return !s.busy; });
    }
    fail_queued();
    s.mailbox.leave();
    s.mailbox.stop();
  }

 private:
  using Body = std::function<void(Collective&, size_t)>;
  struct Task {
    std::shared_ptr<Job> job;
    Header header;
    size_t times;  // collectives in it
    Body body;
  };
  struct State {
    explicit State(const GroupOptions& options) : group(options), mesh(group), mailbox(group, mesh) {}
    Group group;
    Mesh mesh;
    Mailbox mailbox;
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Task> queue;
    bool busy = false, closing = false;
    uint64_t calls = 0;
    std::thread worker;
  };

  void check_usable() const {
    if (::getpid() != made_by_)
      fail<RuntimeError>(
          "group '{}' was made before this process was forked from it, and cannot be used here; call "
          "init_process_group() in the child",
          group());
    if (state_->group.failed()) state_->group.raise();
  }

  WorkPtr submit(Kind kind, Reduction reduction, int root, const Call& call, size_t times, Body body) {
    check_usable();
    check(root < size(), "{}: expected a root from 0 to {}, got {}", name(kind), size() - 1, root);
    State& s = *state_;
    Task task{std::make_shared<Job>(), {}, times, std::move(body)};
    task.header.kind = kind;
    task.header.reduction = reduction;
    task.header.root = root;
    task.job->what = message("{} of group '{}' on rank {}", name(kind), group(), rank());
    const auto job = task.job;
    std::unique_lock lock(s.mutex);
    if (s.closing) state_->group.raise();
    task.header.number = s.calls;
    s.calls += times;
    if (call.waits && s.queue.empty() && !s.busy) {  // Note [In the caller's thread]
      s.busy = true;
      lock.unlock();
      perform(task, call.poll);
      lock.lock();
      s.busy = false;
      lock.unlock();
      s.changed.notify_all();
      return job;
    }
    if (!s.worker.joinable()) s.worker = std::thread([this] { work(); });
    s.queue.push_back(std::move(task));
    lock.unlock();
    s.changed.notify_all();
    return job;
  }

  void work() {
    State& s = *state_;
    std::unique_lock lock(s.mutex);
    for (;;) {
      s.changed.wait(lock, [&] { return s.closing || (!s.queue.empty() && !s.busy); });
      if (s.closing) return;
      s.busy = true;
      Task task = std::move(s.queue.front());
      s.queue.pop_front();
      lock.unlock();
      perform(task, nullptr);
      task = Task();  // its tensors are let go outside of the lock
      lock.lock();
      s.busy = false;
      s.changed.notify_all();
    }
  }

  void perform(Task& task, const std::function<void()>* poll) {
    State& s = *state_;
    const ContextGuard guard;
    context() = Context();
    set_grad_enabled(false);
    try {
      if (s.group.failed()) s.group.raise();
      for (size_t i = 0; i < task.times; ++i) {
        Runner run(s.group, s.mesh, task.header, poll, [&s](const Header& call) { s.mailbox.tell(call); });
        run.call.number = task.header.number + i;
        Collective collective(run);
        task.body(collective, i);
      }
      task.job->finish();
    } catch (const Error& error) {
      // The others hear what happened here, unless they have said so themselves.
      end(error.what());
      task.job->finish(std::current_exception());
    } catch (...) {  // what `poll` threw: an interrupt
      end(message("rank {} of group '{}' was interrupted in {}", rank(), group(), name(task.header.kind)));
      task.job->finish(std::current_exception());
    }
  }

  void end(const std::string& why) {
    if (!state_->group.fail(why)) return;
    state_->mailbox.abort(why);
    fail_queued();
  }

  void fail_queued() {
    State& s = *state_;
    std::deque<Task> queue;
    {
      std::lock_guard lock(s.mutex);
      queue.swap(s.queue);
    }
    const auto failure = std::make_exception_ptr(RuntimeError(s.group.why()));
    for (Task& task : queue) task.job->finish(failure);
  }

  const pid_t made_by_;
  std::unique_ptr<State> state_;
};

[[maybe_unused]] const bool g_registered = [] {
  register_library("gloo", DeviceType::CPU,
                   [](const GroupOptions& options) { return std::make_shared<CpuCommunicator>(options); });
  return true;
}();

}  // namespace
}  // namespace plait::distributed
