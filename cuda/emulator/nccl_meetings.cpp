// Calls of the emulated NCCL on their streams: a rank brings its data, waits until the others have brought
// theirs, and computes its own result.
#include <algorithm>
#include <cstring>
#include <map>

#include "memory.h"
#include "nccl_comm.h"
#include "nccl_math.h"

namespace emulator::nccl {

namespace {

constexpr int kPollsBetweenLooks = 256;  // at whether other processes live

class Attendance : public Meeting {
 public:
  explicit Attendance(std::shared_ptr<ncclComm> comm) : comm_(std::move(comm)) { ++comm_->underway; }
  ~Attendance() override { --comm_->underway; }

  bool ready() final {
    // What ends as it stands: the kernels of an aborted communicator leave.
    if (comm_->aborted || world().shared().broken) return true;
    if (comm_->ended) return true;
    if (comm_->error != ncclSuccess) return false;  // until it is aborted
    return attend();
  }
  void run() final {
    if (comm_->aborted || comm_->ended || world().shared().broken || comm_->error != ncclSuccess) {
      if (world().shared().broken && comm_->error == ncclSuccess)
        comm_->fail(ncclInvalidUsage, "another rank has found that the ranks' calls differ");
      spoil();
    } else {
      finish();
    }
  }

 protected:
  virtual bool attend() = 0;
  virtual void finish() = 0;
  virtual void spoil() = 0;  // results: nobody knows what stands there

  World& world() const { return *comm_->world; }
  // Whoever is missing may be gone.
  void look_after(int rank) {
    if (polls_++ % kPollsBetweenLooks != kPollsBetweenLooks - 1) return;
    const int presence = world().state(rank).presence;
    if (presence == Left || presence == Aborted || world().has_died(rank))
      comm_->fail(ncclRemoteError, "rank " + std::to_string(rank) + " has left the communicator");
  }
  void disagree(int rank, const Terms& mine, int other, const Terms& theirs) {
    world().shared().broken = 1;
    comm_->fail(ncclInvalidUsage, "ranks differ: rank " + std::to_string(rank) + " calls " + describe(mine) +
                                      ", rank " + std::to_string(other) + " " + describe(theirs));
  }
  void no_room() { comm_->fail(ncclSystemError, "no room for the data in shared memory (/dev/shm)"); }

  const std::shared_ptr<ncclComm> comm_;

 private:
  int polls_ = 0;
};

// ---- collectives

class Collective final : public Attendance {
 public:
  explicit Collective(const Op& op) : Attendance(op.comm), op_(op), number_(comm_->next_collective++) {}

 private:
  bool attend() override {
    if (!posted_ && !(posted_ = post())) return false;
    for (int r = 0; r < comm_->size; ++r) {
      const RankState& other = world().state(r);
      if (other.posted <= number_) {
        look_after(r);
        return false;
      }
      const Terms& theirs = other.postings[number_ % kSlots].terms;
      if (theirs == op_.terms()) continue;
      disagree(comm_->rank, op_.terms(), r, theirs);
      return true;
    }
    return true;
  }

  size_t bytes_brought() const {
    if (op_.kind == Kind::Broadcast) return comm_->rank == op_.peer ? op_.bytes() : 0;
    return op_.kind == Kind::ReduceScatter ? op_.bytes() * size_t(comm_->size) : op_.bytes();
  }
  size_t bytes_given() const {
    if (op_.kind == Kind::Reduce) return comm_->rank == op_.peer ? op_.bytes() : 0;
    return op_.kind == Kind::AllGather ? op_.bytes() * size_t(comm_->size) : op_.bytes();
  }

  bool post() {
    RankState& own = world().state(comm_->rank);
    if (own.posted != number_) return false;  // an earlier one, on another stream
    for (int r = 0; r < comm_->size; ++r)
      if (world().state(r).departed + kSlots <= number_) return false;
    Posting& posting = own.postings[number_ % kSlots];
    bool full = false;
    if (!world().place(bytes_brought(), posting.offset, full)) {
      if (full) no_room();
      return false;
    }
    posting.terms = op_.terms();
    std::memcpy(world().data(comm_->rank, posting.offset), op_.send, bytes_brought());
    own.posted = number_ + 1;
    return true;
  }

  void finish() override {
    std::vector<const void*> in;
    for (int r = 0; r < comm_->size; ++r)
      in.push_back(world().data(r, world().state(r).postings[number_ % kSlots].offset));
    const size_t bytes = op_.bytes(), mine = size_t(comm_->rank) * bytes;
    switch (op_.kind) {
      case Kind::Reduce:
        if (comm_->rank != op_.peer) break;
        [[fallthrough]];
      case Kind::AllReduce: reduce(op_.type, op_.op, op_.receive, in, op_.count); break;
      case Kind::Broadcast: std::memcpy(op_.receive, in[size_t(op_.peer)], bytes); break;
      case Kind::AllGather:
        for (size_t r = 0; r < in.size(); ++r)
          std::memcpy(static_cast<char*>(op_.receive) + r * bytes, in[r], bytes);
        break;
      default:
        for (const void*& data : in) data = static_cast<const char*>(data) + mine;
        reduce(op_.type, op_.op, op_.receive, in, op_.count);
    }
    world().state(comm_->rank).departed = number_ + 1;
  }
  void spoil() override { std::memset(op_.receive, kFresh, bytes_given()); }

  const Op op_;
  const uint64_t number_;
  bool posted_ = false;
};

// ---- transfers: those of a group go on side by side

class Transfers final : public Attendance {
 public:
  explicit Transfers(const std::vector<Op>& ops) : Attendance(ops.front().comm) {
    for (const Op& op : ops) {
      uint64_t* next = op.kind == Kind::Send ? comm_->next_send : comm_->next_receive;
      moves_.push_back({op, next[op.peer]++, false});
    }
  }

 private:
  struct Move {
    Op op;
    uint64_t number;
    bool posted;
  };
  PairState& pair(const Move& move) const {
    const bool send = move.op.kind == Kind::Send;
    return world().pair(send ? comm_->rank : move.op.peer, send ? move.op.peer : comm_->rank);
  }

  bool attend() override {
    bool all = true;
    for (Move& move : moves_) all = (move.posted || (move.posted = post(move))) && all;
    if (!all) return false;
    for (const Move& move : moves_) {
      const bool send = move.op.kind == Kind::Send;
      PairState& between = pair(move);
      if ((send ? between.wanted : between.sent) <= move.number) {
        look_after(move.op.peer);
        return false;
      }
      const uint64_t slot = move.number % kSlots;
      const Terms& sent = between.sends[slot].terms;
      const Terms& wanted = between.wants[slot].terms;
      if (sent.type == wanted.type && sent.count == wanted.count) continue;
      disagree(comm_->rank, move.op.terms(), move.op.peer, send ? wanted : sent);
      return true;
    }
    return true;
  }

  bool post(Move& move) {
    PairState& between = pair(move);
    if (between.taken + kSlots <= move.number) return false;
    if (move.op.kind == Kind::Receive) {
      if (between.wanted != move.number) return false;
      between.wants[move.number % kSlots].terms = move.op.terms();
      between.wanted = move.number + 1;
      return true;
    }
    if (between.sent != move.number) return false;
    Posting& posting = between.sends[move.number % kSlots];
    bool full = false;
    if (!world().place(move.op.bytes(), posting.offset, full)) {
      if (full) no_room();
      return false;
    }
    posting.terms = move.op.terms();
    std::memcpy(world().data(comm_->rank, posting.offset), move.op.send, move.op.bytes());
    between.sent = move.number + 1;
    return true;
  }

  void finish() override {
    for (const Move& move : moves_) {
      if (move.op.kind == Kind::Send) continue;
      PairState& between = pair(move);
      std::memcpy(move.op.receive, world().data(move.op.peer, between.sends[move.number % kSlots].offset),
                  move.op.bytes());
      between.taken = move.number + 1;
    }
  }
  void spoil() override {
    for (const Move& move : moves_)
      if (move.op.kind == Kind::Receive) std::memset(move.op.receive, kFresh, move.op.bytes());
  }

  std::vector<Move> moves_;
};

void warn_of_the_dead(const Op& op) {
  if (op.comm->ended)
    complain(ncclInvalidUsage, std::string("a graph that outlives its communicator calls ") + op.api);
}

}  // namespace

size_t Op::bytes() const { return count * item_size(type); }

Terms Op::terms() const {
  const bool reduces = kind == Kind::AllReduce || kind == Kind::Reduce || kind == Kind::ReduceScatter;
  return {int32_t(kind), type, reduces ? int32_t(op) : -1, is_transfer() ? -1 : peer, count};
}

std::string describe(const Terms& terms) {
  constexpr const char* names[] = {"AllReduce",     "Reduce", "Broadcast", "AllGather",
                                   "ReduceScatter", "Send",   "Recv"};
  std::string text = std::string(names[terms.kind]) + " of " + std::to_string(terms.count) + " " +
                     type_name(ncclDataType_t(terms.type));
  if (terms.op >= 0) text += std::string(", ") + op_name(terms.op);
  if (terms.root >= 0) text += ", root " + std::to_string(terms.root);
  return text;
}

cudaError_t queue(const std::vector<Op>& ops) {
  std::map<cudaStream_t, std::vector<Op>> transfers;
  for (const Op& op : ops) {
    if (op.is_transfer()) {
      transfers[op.stream].push_back(op);
      continue;
    }
    const cudaError_t status = enqueue_meeting(op.api, op.stream, [op] {
      warn_of_the_dead(op);
      return std::make_shared<Collective>(op);
    });
    if (status != cudaSuccess) return status;
  }
  for (const auto& [stream, moves] : transfers) {
    const cudaError_t status = enqueue_meeting(moves.front().api, stream, [moves = moves] {
      warn_of_the_dead(moves.front());
      return std::make_shared<Transfers>(moves);
    });
    if (status != cudaSuccess) return status;
  }
  return cudaSuccess;
}

}  // namespace emulator::nccl

void ncclComm::fail(ncclResult_t status, const std::string& what) {
  int none = ncclSuccess;
  if (!error.compare_exchange_strong(none, status)) return;
  emulator::nccl::complain(status, "rank " + std::to_string(rank) + ": " + what);
}
