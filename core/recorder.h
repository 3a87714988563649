// What threads do, for the profiler: which op, when, within which other, with what memory.
//
// A recording is of the thread that began it and of those that attached themselves. In such a thread the
// context includes the Record key, so every op call meets the Record entry of its table first, which opens a
// scope and calls on; elsewhere the key is in no key set, and nothing is paid. Each thread appends its events
// to a buffer of its own when they end: no lock is taken, and what a reader sees is complete.
//
// An op that calls itself directly is one event: so does each layer of the dispatcher.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/call_site.h"
#include "core/tensor.h"

namespace plait {

class OpBase;
class Value;

inline bool recording() { return context().enabled & bit(Key::Record); }

// An argument of an op, as far as the profiler shows it.
struct RecordedArg {
  enum class Kind : uint8_t { Tensor, List, Ints, Other };
  Kind kind = Kind::Other;
  DType dtype = DType::Float32;
  int count = 0;  // of a list: how many of the next ones are its items
  Dims sizes;     // of a tensor; or the integers
};

enum class EventKind : uint8_t {
  Op,
  Backward,  // the derivative of a node
  User,      // record_function
  Device,    // what an op gave a device to do
  Memory     // an allocation, or with negative bytes a release
};

struct RecordedEvent {
  EventKind kind = EventKind::Op;
  uint64_t id = 0, parent = 0;  // 0: none
  int64_t start = 0, end = 0;   // ns of the steady clock
  uint64_t sequence = 0;        // of the node that forward made, or whose derivative it is; 0: none
  int64_t cpu_bytes = 0, device_bytes = 0;  // allocated less freed, outside of events within
  Device device;                            // Device, Memory
  uint64_t where = 0;                       // Memory: the address; Device: the stream
  int64_t total = 0;  // Memory: what is allocated by now; Device: its mark in the timeline
  std::string name;
  std::vector<RecordedArg> args;
  std::vector<CallSite> stack;
};

// Marks that a device passes. One for each thread, made by the device's library.
class PLAIT_API DeviceTimeline {
 public:
  virtual ~DeviceTimeline() = default;
  // When the device began and ended what was marked, in ns of the steady clock. Waits for it.
  virtual std::pair<int64_t, int64_t> times(int64_t mark) = 0;
};

class PLAIT_API Recording : public std::enable_shared_from_this<Recording> {
 public:
  struct Options {
    bool shapes = false, memory = false, stack = false, device = false;
  };
  struct Thread;  // a thread's events

  static std::shared_ptr<Recording> begin(const Options& options);  // and attaches the calling thread
  ~Recording();
  const Options& options() const { return options_; }
  // The calling thread is recorded, too, until it ends, or the recording does. False where one is under way.
  bool attach();
  void end();
  bool active() const { return active_.load(std::memory_order_acquire); }
  // Of all threads, by thread, in the order in which they ended. After `end`; with the times of devices.
  std::vector<std::pair<uint64_t, const RecordedEvent*>> events();  // (thread, event)

 private:
  explicit Recording(const Options& options);
  Options options_;
  std::atomic<bool> active_{true};
  std::mutex mutex_;
  std::vector<std::unique_ptr<Thread>> threads_;
};

// Is the calling thread part of a recording that goes on? Its recording, or null.
PLAIT_API Recording* current_recording() noexcept;

// An event from here to the end of the scope.
class PLAIT_API RecordScope {
 public:
  RecordScope() = default;
  RecordScope(EventKind kind, std::string_view name, uint64_t sequence = 0) { open(kind, name, sequence); }
  ~RecordScope() {
    if (id_) close(id_);
  }
  RecordScope(const RecordScope&) = delete;
  RecordScope& operator=(const RecordScope&) = delete;

  void open(const OpBase& op, bool inplace);
  void open(EventKind kind, std::string_view name, uint64_t sequence);
  // What is known of the op's arguments, where the recording wants them.
  template <class... A>
  void args(const A&... a) {
    if (wants_args_) (arg(a), ...);
  }

  // For ranges that are no C++ scope: 0 where nothing is recorded. Closing one closes those within it.
  static uint64_t open_range(std::string_view name);
  static void close(uint64_t id) noexcept;

 private:
  void arg(const Tensor& tensor);
  void arg(TensorList list);
  void arg(IntSpan ints);
  void arg(int64_t integer) { arg(IntSpan(&integer, 1)); }
  void arg(const Value& value);
  template <class T>
  void arg(const T&) {
    other();
  }
  void other();
  uint64_t id_ = 0;
  bool wants_args_ = false;
};

// Bytes were allocated, or with a negative number freed. Call it where `recording()`.
PLAIT_API void record_memory(Device device, const void* address, int64_t bytes, int64_t total) noexcept;

// For the libraries of devices: where the thread's timeline is kept; null where devices are not recorded.
PLAIT_API std::unique_ptr<DeviceTimeline>* thread_timeline() noexcept;
PLAIT_API void record_device_work(std::string_view name, Device device, uint64_t stream, int64_t mark);

}  // namespace plait
