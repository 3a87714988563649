// Communicators of the CPU, a rank for each thread: queued calls, transfers and failures at once, for the
// sanitizers too.
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "catch.h"
#include "distributed/communicator.h"

namespace {

using namespace plait;
using namespace plait::distributed;

class Store {
 public:
  Exchange exchange() {
    return {[this](const std::string& key, const std::string& bytes) {
              {
                const std::lock_guard lock(mutex_);
                values_[key] = bytes;
              }
              changed_.notify_all();
            },
            [this](const std::string& key) {
              std::unique_lock lock(mutex_);
              changed_.wait(lock, [&] { return values_.contains(key); });
              return values_[key];
            }};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> values_;
};

// What went wrong on the ranks; Catch's assertions are for one thread.
std::vector<std::string> on_ranks(int size, const std::function<std::string(Communicator&)>& body) {
  Store store;
  std::vector<std::string> wrong(size);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      GroupOptions options;
      options.name = "test";
      options.rank = rank;
      options.size = size;
      options.timeout = Milliseconds(60000);
      options.exchange = store.exchange();
      try {
        const CommunicatorPtr communicator = make_communicator("gloo", options);
        wrong[rank] = body(*communicator);
        communicator->close();
      } catch (const std::exception& error) {
        wrong[rank] = error.what();
      }
    });
  for (std::thread& thread : threads) thread.join();
  return wrong;
}

Tensor filled(int64_t numel, float value) {
  const Tensor t = empty_tensor(Dims{numel}, DType::Float32);
  std::fill_n(t.data<float>(), numel, value);
  return t;
}

constexpr Communicator::Call kQueued{false, nullptr}, kWaited{true, nullptr};

void many_calls() {
  const auto wrong = on_ranks(3, [](Communicator& c) -> std::string {
    const int next = (c.rank() + 1) % c.size(), before = (c.rank() + c.size() - 1) % c.size();
    for (int round = 0; round < 20; ++round)
      for (const int64_t numel : {int64_t{1}, int64_t{5000}, int64_t{300'000}}) {
        const Tensor sum = filled(numel, static_cast<float>(c.rank() + 1)), taken = filled(numel, -1);
        const WorkPtr moved = c.transfer(
            {{true, filled(numel, static_cast<float>(c.rank())), next, round}, {false, taken, before, round}},
            kQueued);
        const WorkPtr first = c.all_reduce({sum}, Reduction::Sum, round % 2 ? kQueued : kWaited);
        const WorkPtr second = c.broadcast(sum, 1, kQueued);
        second->wait();
        if (!first->is_completed()) return "calls run out of order";
        if (sum.data<float>()[numel - 1] != 6) return "a sum is wrong";
        moved->wait();
        if (taken.data<float>()[numel - 1] != static_cast<float>(before)) return "a transfer is wrong";
      }
    c.barrier(kWaited)->wait();
    return "";
  });
  for (const std::string& text : wrong) CHECK(text == "");
}

}  // namespace

TEST_CASE("collectives and transfers at once, in shared memory") { many_calls(); }

TEST_CASE("collectives and transfers at once, over TCP") {
  ::setenv("PLAIT_DISTRIBUTED_SHARED_MEMORY", "0", 1);
  many_calls();
  ::unsetenv("PLAIT_DISTRIBUTED_SHARED_MEMORY");
}

TEST_CASE("an abort reaches all ranks") {
  const auto wrong = on_ranks(3, [](Communicator& c) -> std::string {
    c.barrier(kWaited)->wait();
    if (c.rank() == 1) c.abort("rank 1 has had enough");
    try {
      c.all_reduce({filled(1000, 1)}, Reduction::Sum, c.rank() == 0 ? kQueued : kWaited)->wait();
    } catch (const RuntimeError& error) {
      return error.what();
    }
    return "nothing was raised";
  });
  for (const std::string& text : wrong) CHECK(text == "rank 1 has had enough");
}

TEST_CASE("a group of one needs no store") {
  const CommunicatorPtr c = make_communicator("gloo", {});
  const Tensor x = filled(4, 3);
  c->all_reduce({x}, Reduction::Avg, kWaited)->wait();
  CHECK(x.data<float>()[3] == 3);
  const Tensor out = filled(4, 0);
  c->all_gather(out, x, kQueued)->wait();
  CHECK(out.data<float>()[0] == 3);
  CHECK_THROWS_AS(c->transfer({{true, x, 0, 0}}, kQueued), ValueError);
}

TEST_CASE("libraries are found by name") {
  CHECK(has_library("gloo"));
  CHECK(library_device("gloo") == DeviceType::CPU);
  CHECK_THROWS_AS(make_communicator("none", {}), ValueError);
}
