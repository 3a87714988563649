#include "core/recorder.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "core/device_tracer.h"
#include "core/op.h"

namespace plait {

// A list of chunks that one thread appends to and others may read up to what is published.
struct Recording::Thread {
  static constexpr int kChunk = 256;
  struct Chunk {
    RecordedEvent events[kChunk];
    std::atomic<int> count{0};
    std::atomic<Chunk*> next{nullptr};
  };
  explicit Thread(uint64_t number_) : number(number_) {}
  ~Thread() {
    for (Chunk* chunk = first; chunk;) delete std::exchange(chunk, chunk->next.load());
  }
  Thread(const Thread&) = delete;
  Thread& operator=(const Thread&) = delete;

  void append(RecordedEvent event) {
    const int n = last->count.load(std::memory_order_relaxed);
    if (n == kChunk) {
      auto* chunk = new Chunk;
      last->next.store(chunk, std::memory_order_release);
      last = chunk;
      return append(std::move(event));
    }
    last->events[n] = std::move(event);
    last->count.store(n + 1, std::memory_order_release);
  }

  const uint64_t number;
  const uint64_t native = static_cast<uint64_t>(gettid());
  Chunk* const first = new Chunk;
  Chunk* last = first;
  std::unique_ptr<DeviceTimeline> timeline;
};

namespace {

int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// What a thread has begun and not ended.
struct Recorder {
  struct Open {
    RecordedEvent event;
    const OpBase* op = nullptr;
    uint64_t nodes_before = 0;
    DeviceTracer* tracer = nullptr;  // that was told of it
  };
  std::shared_ptr<Recording> recording;
  Recording::Thread* thread = nullptr;
  std::vector<Open> open;
  uint64_t made = 0;

  Recorder() = default;
  ~Recorder() {  // where another thread ended the recording
    for (const Open& event : open)
      if (event.tracer) event.tracer->leave();
  }
  Recorder(const Recorder&) = delete;
  Recorder& operator=(const Recorder&) = delete;

  Open& push(EventKind kind) {
    open.emplace_back();
    RecordedEvent& event = open.back().event;
    event.kind = kind;
    event.id = thread->number << 40 | ++made;
    if (open.size() > 1) event.parent = open[open.size() - 2].event.id;
    open.back().tracer = device_tracer_of(*recording);
    if (open.back().tracer) open.back().tracer->enter(event.id);
    return open.back();
  }
  void pop() {
    Open& top = open.back();
    top.event.end = now();
    if (top.tracer) top.tracer->leave();
    // Ops make their node before they call on.
    if (top.op && top.op->vjp() && t_node_sequence != top.nodes_before)
      top.event.sequence = top.nodes_before + 1;
    RecordedEvent event = std::move(top.event);
    open.pop_back();
    thread->append(std::move(event));
  }
};

// On the heap: thread-local storage is scarce in libraries that are loaded late.
thread_local std::unique_ptr<Recorder> t_recorder;

void set_key(bool on) {
  Context& ctx = context();
  constexpr KeySet key = bit(Key::Record);
  ctx.enabled = static_cast<KeySet>(on ? ctx.enabled | key : ctx.enabled & ~key);
  ctx.included = static_cast<KeySet>(on ? ctx.included | key : ctx.included & ~key);
}

// The thread's recorder. Where its recording has been ended, here or by another thread, it stops.
Recorder* recorder() noexcept {
  Recorder* r = t_recorder.get();
  if (r && r->recording->active()) return r;
  t_recorder.reset();
  set_key(false);
  return nullptr;
}

}  // namespace

std::shared_ptr<Recording> Recording::begin(const Options& options) {
  if (recorder())
    fail<RuntimeError>(
        "profiler: the calling thread is being profiled already; end that profile before another one "
        "begins");
  auto recording = std::shared_ptr<Recording>(new Recording(options));
  recording->attach();
  return recording;
}

Recording::Recording(const Options& options) : options_(options) {}
Recording::~Recording() { abandon_device_trace(*this); }

bool Recording::attach() {
  if (!active() || recorder()) return false;
  auto r = std::make_unique<Recorder>();
  r->recording = shared_from_this();
  {
    std::lock_guard lock(mutex_);
    threads_.push_back(std::make_unique<Thread>(threads_.size() + 1));
    r->thread = threads_.back().get();
  }
  t_recorder = std::move(r);
  set_key(true);
  return true;
}

void Recording::end() {
  Recorder* r = t_recorder.get();
  if (r && r->recording.get() == this)
    while (!r->open.empty()) r->pop();  // ranges that nobody has ended, and the op that called
  active_.store(false, std::memory_order_release);
  recorder();
}

std::vector<std::pair<uint64_t, const RecordedEvent*>> Recording::events() {
  std::vector<std::pair<uint64_t, const RecordedEvent*>> list;
  std::lock_guard lock(mutex_);
  for (const auto& thread : threads_)
    for (Thread::Chunk* chunk = thread->first; chunk; chunk = chunk->next.load(std::memory_order_acquire)) {
      const int count = chunk->count.load(std::memory_order_acquire);
      for (int i = 0; i < count; ++i) {
        RecordedEvent& event = chunk->events[i];
        if (event.kind == EventKind::Device && event.start == 0 && thread->timeline)
          std::tie(event.start, event.end) = thread->timeline->times(event.total);
        list.emplace_back(thread->native, &event);
      }
    }
  return list;
}

Recording* current_recording() noexcept {
  Recorder* r = recorder();
  return r ? r->recording.get() : nullptr;
}

void RecordScope::open(const OpBase& op, bool inplace) {
  Recorder* r = recorder();
  if (!r || (!r->open.empty() && r->open.back().op == &op)) return;
  Recorder::Open& opened = r->push(EventKind::Op);
  opened.op = &op;
  opened.nodes_before = t_node_sequence;
  opened.event.name = op.name();
  if (inplace) opened.event.name += '_';
  const Recording::Options& options = r->recording->options();
  id_ = opened.event.id;
  wants_args_ = options.shapes;
  // What an op calls has the op's stack.
  if (options.stack && current_call_stack && (r->open.size() < 2 || !r->open[r->open.size() - 2].op))
    opened.event.stack = current_call_stack();
  opened.event.start = now();
}

void RecordScope::open(EventKind kind, std::string_view name, uint64_t sequence) {
  Recorder* r = recorder();
  if (!r) return;
  RecordedEvent& event = r->push(kind).event;
  event.name = name;
  event.sequence = sequence;
  id_ = event.id;
  if (kind == EventKind::User && r->recording->options().stack && current_call_stack)
    event.stack = current_call_stack();
  event.start = now();
}

uint64_t RecordScope::open_range(std::string_view name) {
  if (!recording()) return 0;
  RecordScope scope(EventKind::User, name);
  return std::exchange(scope.id_, 0);
}

void RecordScope::close(uint64_t id) noexcept {
  try {
    Recorder* r = recorder();
    if (!r) return;
    // A range that was ended with the one around it, or begun in another thread, is not here any more.
    const auto is_it = [id](const Recorder::Open& open) { return open.event.id == id; };
    if (std::none_of(r->open.rbegin(), r->open.rend(), is_it)) return;
    while (r->open.back().event.id != id) r->pop();
    r->pop();
  } catch (const std::bad_alloc&) {  // the event is lost
  }
}

void RecordScope::arg(const Tensor& tensor) {
  Recorder* r = recorder();
  if (!r || !tensor.defined() || tensor.is_wrapped_number()) return other();
  RecordedArg arg;
  arg.kind = RecordedArg::Kind::Tensor;
  arg.dtype = tensor.dtype();
  arg.sizes = tensor.sizes();
  r->open.back().event.args.push_back(std::move(arg));
}
void RecordScope::arg(TensorList list) {
  Recorder* r = recorder();
  if (!r) return;
  RecordedArg arg;
  arg.kind = RecordedArg::Kind::List;
  arg.count = static_cast<int>(list.size());
  r->open.back().event.args.push_back(std::move(arg));
  for (const Tensor& tensor : list) this->arg(tensor);
}
void RecordScope::arg(IntSpan ints) {
  Recorder* r = recorder();
  if (!r) return;
  RecordedArg arg;
  arg.kind = RecordedArg::Kind::Ints;
  arg.sizes = Dims(ints);
  r->open.back().event.args.push_back(std::move(arg));
}
void RecordScope::arg(const Value& value) {
  if (value.tag() == Value::Tag::Int) return arg(value.integer());
  if (value.tag() == Value::Tag::Ints) return arg(IntSpan(value.ints()));
  other();
}
void RecordScope::other() {
  if (Recorder* r = recorder()) r->open.back().event.args.emplace_back();
}

void record_memory(Device device, const void* address, int64_t bytes, int64_t total) noexcept {
  try {
    Recorder* r = recorder();
    if (!r || !r->recording->options().memory) return;
    RecordedEvent event;
    event.kind = EventKind::Memory;
    event.device = device;
    event.where = reinterpret_cast<uintptr_t>(address);
    event.total = total;
    event.start = event.end = now();
    const bool cpu = device.type == DeviceType::CPU;
    (cpu ? event.cpu_bytes : event.device_bytes) = bytes;
    if (!r->open.empty()) {
      RecordedEvent& around = r->open.back().event;
      event.parent = around.id;
      (cpu ? around.cpu_bytes : around.device_bytes) += bytes;
    }
    r->thread->append(std::move(event));
  } catch (const std::bad_alloc&) {  // the event is lost
  }
}

std::unique_ptr<DeviceTimeline>* thread_timeline() noexcept {
  Recorder* r = recorder();
  const bool timed = r && r->recording->options().device && !device_tracer_of(*r->recording);
  return timed ? &r->thread->timeline : nullptr;
}

void record_device_work(std::string_view name, Device device, uint64_t stream, int64_t mark) {
  Recorder* r = recorder();
  if (!r) return;
  RecordedEvent event;
  event.kind = EventKind::Device;
  event.device = device;
  event.where = stream;
  event.total = mark;
  event.name = name;
  if (!r->open.empty()) event.parent = r->open.back().event.id;
  r->thread->append(std::move(event));
}

}  // namespace plait
