// Held while oneDNN makes a primitive, or computes with code that no primitive owns, by a thread that does
// not hold one already: Note [oneDNN's own cache].
#pragma once

namespace plait::cpu::dnn {

class Building {
 public:
  Building();
  ~Building();
  Building(const Building&) = delete;
  Building& operator=(const Building&) = delete;
};

}  // namespace plait::cpu::dnn
