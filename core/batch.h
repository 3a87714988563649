// Note [Batched tensors]
// vmap computes a function of one entry for all entries of a batch at once. To the function a tensor has the
// shape of one entry; the batch is a dimension that it does not see. Such a tensor keeps, beside its sizes
// and strides, a list of hidden dimensions (BatchDims in core/tensor.h), one for each vmap that it is within,
// with the vmap's number, its level. A hidden stride of 0 says that all entries share the elements.
//
// The key Batched lies below Autograd: the tape records the op as it was called, on entries, and what runs
// below it is for all entries. There
//   * a view is made of the visible sizes and strides; the hidden ones stay as they are;
//   * a composite calls other ops;
//   * a pointwise op runs on the tensors with their hidden dimensions in front (`pointwise_batch`);
//   * an op with a rule of its own (ops/batch/) runs on tensors with one dimension more: the innermost
//   batch's.
//     Other hidden dimensions stay, so that a rule knows of one batch only;
//   * any other op runs for one entry after the other (`call_for_each`).
// An op whose tensors all share their elements runs once, and its result is shared, too.
//
// What depends on the values of an entry cannot be known for all entries at once: a number taken out of a
// tensor, a shape that depends on data, a write of a batched tensor into one that is not. There an EntryError
// is raised, and vmap computes its function for one entry after the other.
//
// Random numbers depend on the vmap that is being computed, also where no argument is batched: the thread
// keeps a list of those (BatchRegion).
#pragma once

#include <vector>

#include "core/op.h"

namespace plait {

// What random numbers do in a vmap: they are refused, differ from entry to entry, or are the same for all.
enum class Randomness : uint8_t { Error, Different, Same };
struct BatchRegion {
  int64_t level = 0, size = 0;
  Randomness randomness = Randomness::Error;
};
PLAIT_API int64_t new_batch_level();
PLAIT_API std::vector<BatchRegion>& batch_regions();  // of the thread, the innermost last

// The level's hidden dimension; null where there is none.
PLAIT_API const BatchDim* find_batch_dim(const Tensor& tensor, int64_t level);
// Raises an EntryError for a batched tensor.
[[noreturn]] PLAIT_API void fail_batched(const char* who);
inline void refuse_batched(const Tensor& tensor, const char* who) {
  if (__builtin_expect(tensor.defined() && tensor.is_batched(), 0)) fail_batched(who);
}

// ---- the same memory with other hidden dimensions, without history

PLAIT_API Tensor hide_dim(const Tensor& tensor, int dim, int64_t level);
// The hidden dimension becomes dimension `dim`. One that the tensor does not have has the stride 0.
PLAIT_API Tensor reveal_dim(const Tensor& tensor, int64_t level, int64_t size, int dim);
PLAIT_API Tensor spread_entries(const Tensor& tensor, int64_t level, int64_t size);  // shared by all entries
PLAIT_API Tensor entry_of(const Tensor& tensor, int64_t level, int64_t index);
// A contiguous copy in which no two entries share an element.
PLAIT_API Tensor own_entries(const Tensor& tensor);
// Writes into all entries of a batched tensor.
PLAIT_API void write_entries(const Tensor& self, const Tensor& values);

// `fresh`, which nobody else has, as a tensor to write values of `source` into: in the batches of both, each
// entry with elements of its own. Recorded.
PLAIT_API Tensor writable(const Tensor& fresh, const Tensor& source);

// ---- calls

// A call in which an argument is batched, or a random one in a region: the road through the key Batched.
PLAIT_API void call_batched(const OpBase& op, const Value* args, Value* results);
// Is a random op to go that road, though no argument is batched?
inline bool wants_regions() { return !batch_regions().empty(); }

// How many calls of the thread have run for one entry after the other: what rules are for, by the tests.
PLAIT_API int64_t& entry_loops();

// The innermost batch of a call, for a rule.
class PLAIT_API BatchCall {
 public:
  BatchCall(const OpBase& op, const Value* args, Value* results, int64_t level, int64_t size);

  const OpBase& op;
  const Value* args;
  int64_t level, size;

  // Do entries have elements of their own in this argument?
  bool has(int param) const { return own(args[param].tensor()); }
  bool own(const Tensor& tensor) const;
  // Visible dimensions.
  int dim(int param) const { return static_cast<int>(args[param].tensor().dim()); }
  // The argument with the batch as its first dimension; without any where entries share the elements.
  Tensor front(int param) const { return front(args[param].tensor()); }
  Tensor front(const Tensor& tensor) const;
  // The same with a first dimension in any case; undefined stays so.
  Tensor full(int param) const { return full(args[param].tensor()); }
  Tensor full(const Tensor& tensor) const;
  // A result, whose first dimension is the batch.
  void give(int result, const Tensor& physical, int batch_dim = 0);
  void give(const Tensor& physical) { give(0, physical); }
  // Calls the op with other arguments; the batch is dimension `batch_dim` of each result.
  void call(const std::vector<Value>& others, int batch_dim = 0);
  std::vector<Value> copy_args() const;
  void for_each();  // one entry after the other
  void pointwise();

 private:
  Value* results_;
};
using BatchRule = void (*)(BatchCall& call);
// The rule of an op; null where it has none. Set by the op families.
PLAIT_API extern BatchRule (*find_batch_rule)(const OpBase& op);

// The entries of a region are computed apart within the scope.
class PLAIT_API WithoutRegion {
 public:
  explicit WithoutRegion(int64_t level);
  ~WithoutRegion();
  WithoutRegion(const WithoutRegion&) = delete;
  WithoutRegion& operator=(const WithoutRegion&) = delete;

 private:
  int at_ = -1;
  BatchRegion region_;
};

}  // namespace plait
