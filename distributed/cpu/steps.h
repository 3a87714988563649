// One step of a collective: messages to some ranks and from some, which all move at once on the calling
// thread.
#pragma once

#include "distributed/cpu/mesh.h"

namespace plait::distributed {

struct Outgoing {
  int peer;
  Header header;
  const char* data = nullptr;
  size_t done = 0;
};

struct Incoming {
  int peer;
  Header header;  // what must come; bytes that follow any other call are not taken
  char* data = nullptr;
  bool combines = false;  // with what is there, by the header's reduction; else overwrites it
  size_t done = 0;
  Header got = {};
};

// Runs the steps of one collective.
class Runner {
 public:
  // `call` describes it, in messages and to the others: `tell` tells them when this rank waits for long.
  Runner(Group& group, Mesh& mesh, const Header& call, const std::function<void()>* poll,
         std::function<void(const Header& call)> tell)
      : group(group),
        mesh(mesh),
        call(call),
        begin(Clock::now()),
        poll(poll),
        tell(std::move(tell)) {}

  Group& group;
  Mesh& mesh;
  Header call;
  const Clock::time_point begin;
  const std::function<void()>* const poll;
  const std::function<void(const Header& call)> tell;

  // Until all messages have moved. `in_order`: each of the incoming ones is taken when those before it are
  // complete. Raises where a rank has gone, is late, or called something else.
  void run(std::span<Outgoing> out, std::span<Incoming> in, bool in_order = false);

 private:
  bool push(Outgoing& o);
  bool pull(Incoming& i);
  void verify(const Incoming& i) const;
  void look_around(std::span<Outgoing> out, std::span<Incoming> in, Clock::time_point still_since);
  void raise_mismatch(int peer, const Header& theirs) const;
  std::string where() const;  // "all_reduce(...), number 3 of group 'x', on rank 0"
  bool told_ = false;
};

}  // namespace plait::distributed
