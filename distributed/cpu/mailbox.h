// Transfers between two ranks, and what ranks tell each other of the group: one thread, which sends and
// receives for all of them, beside the collectives.
//
// A message that nobody has asked for yet is kept until somebody does, so that the order of tags does not
// matter, and a sender is not held up by it. But no more of one rank's messages is kept than kMostKept bytes
// (PLAIT_DISTRIBUTED_MAILBOX_BYTES): the next one stays where it is until it is asked for or others have been
// taken, and its sender waits. The same thread notices when a rank leaves or dies.
#pragma once

#include <condition_variable>
#include <list>
#include <thread>

#include "distributed/cpu/mesh.h"

namespace plait::distributed {

// A call of this library's, and who waits for it.
class Job : public Work {
 public:
  void wait(Milliseconds timeout, const std::function<void()>& poll) override;
  bool is_completed() override;
  std::exception_ptr failure() override;
  int source() const override { return source_; }

  void finish(std::exception_ptr failure = nullptr);  // the first call counts
  void set_source(int rank) { source_ = rank; }

  std::string what;  // for messages: "all_reduce(...) of group 'x'"

 private:
  std::mutex mutex_;
  std::condition_variable done_changed_;
  bool done_ = false;
  std::exception_ptr failure_;
  std::atomic<int> source_{-1};
};

class Mailbox {
 public:
  Mailbox(Group& group, Mesh& mesh);
  ~Mailbox() { stop(); }
  WorkPtr post(std::vector<Transfer> transfers);
  void tell(const Header& call);       // all ranks
  void abort(const std::string& why);  // tells all ranks, and ends what is posted
  void leave();                        // tells all ranks that this one goes
  void stop();                         // sends what is to be told, and ends the thread

 private:
  struct Batch {  // of one call
    std::shared_ptr<Job> job;
    size_t left = 0;
  };
  struct Letter {  // to a rank
    Header header;
    std::string text;  // of what is told
    Tensor tensor;     // of what is sent
    std::shared_ptr<Batch> batch;
    size_t done = 0;
    const char* data() const {
      return tensor.defined() ? static_cast<char*>(tensor.data_ptr()) : text.data();
    }
  };
  struct Request {  // for a message
    int peer;
    int64_t tag;
    Tensor tensor;
    std::shared_ptr<Batch> batch;
    Clock::time_point since;
  };
  struct Arrived {  // before it was asked for
    Header header;
    std::vector<char> bytes;
  };
  struct Line {
    Socket socket;
    std::deque<Letter> letters;
    Header header;  // of the message that comes now
    size_t header_done = 0, done = 0;
    std::optional<Request> request;  // that it is for
    std::vector<char> bytes;         // where there is none yet
    bool drops = false;              // it fits nobody's tensor
    bool waits = false;              // there is no room for it yet
    std::deque<Arrived> arrived;
    uint64_t kept = 0;          // bytes of those
    std::string how;            // it ended, where there is more to say than that it did
    Clock::time_point written;  // when something last went out, or came to be sent
  };

  void run();
  bool write(Line& line);  // false where the connection has ended
  bool read(int peer);
  bool begin_message(int peer);  // false where it has to wait
  void end_message(int peer);
  void take(Request& request, Arrived& message, int peer);  // which fails where they do not fit
  void lose(int peer, const std::string& how);
  void complete(const std::shared_ptr<Batch>& batch, std::exception_ptr failure = nullptr);
  void fail_requests(int peer, const std::string& why);
  void check_times();
  std::string held_up(int peer) const;  // by what, if by anything
  void check_fit(const Request& request, const Header& header, int peer) const;
  void queue(int peer, Kind kind, const Header& like, const std::string& text);
  void append(Line& line, Letter letter);

  Group& group_;
  std::mutex mutex_;  // of all below but what run() alone reads
  std::vector<Line> lines_;
  std::list<Request> requests_;
  const uint64_t most_kept_;
  Doorbell doorbell_;
  bool stopping_ = false;
  Clock::time_point stop_by_;
  std::thread thread_;
};

}  // namespace plait::distributed
