// The one walk of everything that indexes: a list of elements in the order of an index, the index, and the
// places of a table that it names, side by side in as many dimensions as the list has.
#pragma once

#include "core/shape.h"
#include "ops/cpu/index_places.h"

namespace plait::cpu {

class PlacesWalk {
 public:
  // `step`: the bytes from one place to the next. There are `places`; indices are checked to be below unless
  // they are `checked`.
  PlacesWalk(void* table, const int64_t* index, void* list, int64_t step, int64_t places, bool checked)
      : first_{static_cast<char*>(list), const_cast<char*>(reinterpret_cast<const char*>(index)),
               static_cast<char*>(table)},
        step_(step),
        places_(places),
        last_(checked ? -1 : places - 1) {
    dims_[0] = dims_[1] = Dim{1, {0, 0, 0}};
  }

  // The next dimension outwards, of `size`, and the bytes from one of its elements to the next. The table's
  // is 0 along the dimensions of the index itself.
  void add_dim(int64_t size, int64_t list, int64_t index, int64_t table);

  // Both say whether every index was in range; if not, the walk was broken off.
  bool read(PlacesLoop loop) const;   // from the table
  bool write(PlacesLoop loop) const;  // to the table: elements that meet at a place meet in their order

 private:
  enum Operand { kList, kIndex, kTable };
  struct Dim {
    int64_t size;
    int64_t steps[3];
  };
  template <class F>
  bool share(int64_t parts, const F& f) const;
  bool run(PlacesLoop loop, int split, int64_t begin, int64_t end, int64_t low, int64_t high) const;

  char* first_[3];
  int64_t step_, places_, last_;
  int64_t numel_ = 1;
  int ndim_ = 0;
  Dim dims_[kMaxDims];  // innermost first; two are always there
};

}  // namespace plait::cpu
