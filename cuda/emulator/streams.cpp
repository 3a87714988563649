#include "streams.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <unordered_set>

#include "device.h"
#include "graphs.h"
#include "launch_log.h"

namespace emulator {

namespace {

// The longest queue. As on a GPU, whoever launches more waits until there is room.
constexpr size_t kQueueLimit = 4096;

std::unordered_set<Stream*>& live_streams() {
  static auto& streams = *new std::unordered_set<Stream*>;
  return streams;
}

unsigned long long next_stream_id = 3;  // 1 and 2 are the legacy and the per-thread stream

double now() {
  static double last = 0;
  const double time =
      std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  return last = std::max(time, last + 1e-6);  // later than all before
}

void finish(const Done& done) {
  done->done = true;
  done->time = now();
  progressed().notify_all();
}

bool is_ready(const Item& front) {
  if (!std::all_of(front.waits.begin(), front.waits.end(), [](const Done& d) { return d->done; }))
    return false;
  if (!front.meeting) return true;
  open_memory(front.work.devices);
  return front.meeting->ready();
}
bool is_ready(const Stream& stream) {
  return !stream.queue.empty() && !stream.busy && is_ready(stream.queue.front());
}

template <class F>
void for_each_stream(Device& device, F f) {
  f(device.null_stream);
  for (const auto& stream : device.streams) f(*stream);
}

std::vector<Stream*> ready_streams() {
  std::vector<Stream*> ready;
  for (int i = 0; i < device_count(); ++i)
    for_each_stream(device(i), [&](Stream& s) {
      if (is_ready(s)) ready.push_back(&s);
    });
  return ready;
}

// A stream whose front must run before `done` can be. Null: another thread runs it now, or others have not
// come to a meeting.
Stream* needed_for(const Done& done) {
  Stream* stream = done->stream;
  while (!stream->busy && !is_ready(*stream)) {
    const auto& waits = stream->queue.front().waits;
    const auto missing = std::find_if(waits.begin(), waits.end(), [](const Done& d) { return !d->done; });
    if (missing == waits.end()) return nullptr;
    stream = (*missing)->stream;
  }
  return stream->busy ? nullptr : stream;
}

void run_front(Lock& lock, Stream& stream) {
  Item item = std::move(stream.queue.front());
  stream.queue.pop_front();
  if (item.work.kind == WorkKind::Host) {
    // Without the lock: it may wait for a thread that calls the runtime.
    stream.busy = true;
    close_memory();
    lock.unlock();
    in_host_function = true;
    item.work.body();
    in_host_function = false;
    lock.lock();
    stream.busy = false;
  } else if (item.work.body || item.meeting) {
    open_memory(item.work.devices);
    const int64_t begin = item.activity ? activity_clock() : 0;
    try {
      item.meeting ? item.meeting->run() : item.work.body();
      if (item.work.kind == WorkKind::Library && find_overrun("an algorithm of CUB or cuBLASLt"))
        throw Failure{cudaErrorIllegalAddress};
      if (item.activity && tracer()) {
        item.activity->start = begin;
        item.activity->end = std::max(activity_clock(), begin + 1);
        tracer()->done(item.activity);
      }
    } catch (const Failure& failure) {
      fail_device(device(stream.device), failure.error);
    }
  }
  if (!item.done->done) finish(item.done);
}

// Meetings that are queued. Nobody needs to wait for them in this process: a thread of the emulator's own
// sees to it that they take place, after a time in which a host that is wrong to expect that meets stale
// numbers.
struct Meetings {
  struct Underway {
    Done done;
    std::chrono::steady_clock::time_point queued;
  };
  std::vector<Underway> underway;
  std::condition_variable begun;
  bool started = false;
};
constexpr auto kLaziness = std::chrono::milliseconds(3);
constexpr auto kPollInterval = std::chrono::microseconds(100);

Meetings& meetings() {
  static auto& all = *new Meetings;
  return all;
}

void drive_meetings() {
  Lock lock(mutex());
  Meetings& all = meetings();
  for (;;) {
    std::erase_if(all.underway, [](const auto& meeting) { return meeting.done->done; });
    if (all.underway.empty()) {
      close_memory();
      all.begun.wait(lock, [&] { return !all.underway.empty(); });
    }
    bool moved = false;
    const auto lazy = std::chrono::steady_clock::now() - kLaziness;
    for (const auto& [done, queued] : std::vector(all.underway)) {
      if (queued > lazy || done->done) continue;
      Stream* stream = needed_for(done);
      if (!stream) continue;
      run_front(lock, *stream);
      moved = true;
    }
    close_memory();
    lock.unlock();
    if (!moved) std::this_thread::sleep_for(kPollInterval);
    lock.lock();
  }
}

void begin_meeting(const Done& done) {
  Meetings& all = meetings();
  all.underway.push_back({done, std::chrono::steady_clock::now()});
  all.begun.notify_one();
  if (!all.started) std::thread(drive_meetings).detach();
  all.started = true;
}

// The next piece of work on the way to `done`, mostly; now and then any that is ready.
void step(Lock& lock, const Done& done) {
  Stream* chosen = needed_for(done);
  if (!chosen || random_bits() % 4 == 0) {
    const auto ready = ready_streams();
    if (!ready.empty()) chosen = ready[random_bits() % ready.size()];
  }
  if (chosen) {
    run_front(lock, *chosen);
  } else if (meetings().underway.empty()) {
    progressed().wait(lock);
  } else {
    close_memory();
    progressed().wait_for(lock, kPollInterval);
  }
}

void run_until(Lock& lock, const Done& done) {
  while (!done->done) step(lock, done);
}

Stream& per_thread_stream() {
  thread_local Stream* streams[kMaxDevices] = {};
  Device& device = current_device();
  Stream*& stream = streams[device.index];
  if (!stream) {
    stream = device.streams.emplace_back(new Stream).get();
    stream->device = device.index;
    stream->id = 2;
  }
  return *stream;
}

// Of the newest work of a stream.
std::shared_ptr<Activity> trace(const Stream& stream) {
  const Work& work = stream.queue.back().work;
  const auto activity = std::make_shared<Activity>();
  activity->note = *work.note;
  activity->device = stream.device;
  activity->stream = stream.id ? stream.id : 1;
  activity->correlation = work.correlation;
  activity->graph = work.graph;
  activity->graph_node = work.graph_node;
  tracer()->queued(activity);
  return activity;
}

void count(WorkKind kind) {
  switch (kind) {
    case WorkKind::Kernel: ++counter(PlaitEmulatorLaunches); break;
    case WorkKind::Library: ++counter(PlaitEmulatorLibraryCalls); break;
    case WorkKind::Copy: ++counter(PlaitEmulatorCopies); break;
    case WorkKind::Fill: ++counter(PlaitEmulatorFills); break;
    case WorkKind::Host:
    case WorkKind::Event: break;
  }
}

}  // namespace

cudaError_t find_stream(cudaStream_t handle, Stream** stream) {
  if (handle == nullptr || handle == cudaStreamLegacy)
    *stream = &current_device().null_stream;
  else if (handle == cudaStreamPerThread)
    *stream = &per_thread_stream();
  else if (live_streams().count(handle))
    *stream = handle;
  else
    return cudaErrorInvalidResourceHandle;
  return cudaSuccess;
}

Done queue_work(Lock& lock, Stream& stream, Work work, std::vector<Done> waits) {
  Device& owner = device(stream.device);
  // The legacy stream waits for all blocking streams of its device, and they wait for it.
  const auto also = [&](const Stream& other) {
    if (other.last && !other.last->done) waits.push_back(other.last);
  };
  if (&stream == &owner.null_stream) {
    for (const auto& other : owner.streams)
      if (!(other->flags & cudaStreamNonBlocking)) also(*other);
  } else if (!(stream.flags & cudaStreamNonBlocking)) {
    also(owner.null_stream);
  }
  count(work.kind);
  const Done done = std::make_shared<Completion>();
  done->stream = &stream;
  const std::shared_ptr<Meeting> meeting = work.meet ? work.meet() : nullptr;
  stream.queue.push_back({std::move(work), std::move(waits), done, meeting});
  if (meeting) begin_meeting(done);
  if (tracer() && stream.queue.back().work.note) stream.queue.back().activity = trace(stream);
  stream.last = done;
  while (stream.queue.size() > kQueueLimit) {
    const Done oldest = stream.queue.front().done;
    run_until(lock, oldest);
  }
  return done;
}

cudaError_t submit(Lock& lock, Stream& stream, Work work, Done* done) {
  if (tracer() && work.note && work.correlation == 0) work.correlation = tracer()->call();
  if (stream.capture) return record_work(stream, std::move(work));
  if (const cudaError_t status = refuse_legacy(stream); status != cudaSuccess) return status;
  const Done queued = queue_work(lock, stream, std::move(work), {});
  if (done) *done = queued;
  return cudaSuccess;
}

cudaError_t wait_for(Lock& lock, const Done& done) {
  ++counter(PlaitEmulatorSynchronizations);
  if (!done) return cudaSuccess;
  run_until(lock, done);
  return device(done->stream->device).failure;
}

cudaError_t wait_stream(Lock& lock, Stream& stream) {
  const cudaError_t status = wait_for(lock, stream.last);
  return status == cudaSuccess ? device(stream.device).failure : status;
}

cudaError_t wait_device(Lock& lock, Device& device) {
  ++counter(PlaitEmulatorSynchronizations);
  std::vector<Done> all;
  for_each_stream(device, [&](Stream& s) {
    if (s.last && !s.last->done) all.push_back(s.last);
  });
  for (const Done& done : all) run_until(lock, done);
  return device.failure;
}

void make_progress(Lock& lock) {
  const auto ready = ready_streams();
  if (!ready.empty()) run_front(lock, *ready[random_bits() % ready.size()]);
}

void fail_device(Device& device, cudaError_t error) {
  device.failure = error;
  for_each_stream(device, [](Stream& s) {
    for (Item& item : s.queue) finish(item.done);
    s.queue.clear();
  });
}

void drop_streams(Device& device) {
  fail_device(device, device.failure);
  for (const auto& stream : device.streams) {
    live_streams().erase(stream.get());
    stream->destroyed = true;
  }
}

namespace {

cudaError_t enqueue(const char* name, cudaStream_t handle, Work work) {
  return api(name, Rule::Normal, [&](Lock& lock) {
    Stream* stream;
    const cudaError_t status = find_stream(handle, &stream);
    if (status != cudaSuccess) return status;
    if (stream->device != current_device().index) return cudaErrorInvalidResourceHandle;
    launch_log::library(name);
    work.devices = device(stream->device).reachable();
    work.note = std::make_shared<const WorkNote>(WorkNote{.kind = work.kind, .name = name});
    return submit(lock, *stream, std::move(work));
  });
}

}  // namespace

cudaError_t enqueue(const char* name, cudaStream_t stream, WorkKind kind, std::function<void()> body) {
  return enqueue(name, stream, {kind, std::move(body)});
}
cudaError_t enqueue_meeting(const char* name, cudaStream_t stream, MakeMeeting make) {
  return enqueue(name, stream, {.kind = WorkKind::Library, .body = nullptr, .meet = std::move(make)});
}

cudaError_t stream_device(cudaStream_t handle, int* device) {
  Lock lock(mutex());
  Stream* stream;
  const cudaError_t status = find_stream(handle, &stream);
  if (status == cudaSuccess) *device = stream->device;
  return status;
}

namespace {

cudaError_t create_stream(cudaStream_t* handle, unsigned flags, int priority) {
  if (!handle || flags & ~unsigned(cudaStreamNonBlocking)) return cudaErrorInvalidValue;
  Device& device = current_device();
  Stream* stream = device.streams.emplace_back(new Stream).get();
  stream->device = device.index;
  stream->flags = flags;
  stream->priority = std::clamp(priority, kGreatestPriority, kLeastPriority);
  stream->id = next_stream_id++;
  live_streams().insert(stream);
  *handle = stream;
  return cudaSuccess;
}

// body(lock, stream) for a function that takes a stream.
template <class Body>
cudaError_t stream_api(const char* name, Rule rule, cudaStream_t handle, Body body) {
  return api(name, rule, [&](Lock& lock) {
    Stream* stream;
    const cudaError_t status = find_stream(handle, &stream);
    return status == cudaSuccess ? body(lock, *stream) : status;
  });
}

}  // namespace

}  // namespace emulator

using namespace emulator;

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return api("cudaStreamCreate", Rule::Normal,
             [&](Lock&) { return create_stream(stream, cudaStreamDefault, 0); });
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned int flags) {
  return api("cudaStreamCreateWithFlags", Rule::Normal,
             [&](Lock&) { return create_stream(stream, flags, 0); });
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned int flags, int priority) {
  return api("cudaStreamCreateWithPriority", Rule::Normal,
             [&](Lock&) { return create_stream(stream, flags, priority); });
}

cudaError_t cudaStreamDestroy(cudaStream_t handle) {
  return api("cudaStreamDestroy", Rule::Normal, [&](Lock&) {
    if (!live_streams().count(handle)) return cudaErrorInvalidResourceHandle;
    if (handle->capture) return refuse_captured(*handle);
    live_streams().erase(handle);
    handle->destroyed = true;  // what is queued still runs
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetFlags(cudaStream_t handle, unsigned int* flags) {
  return stream_api("cudaStreamGetFlags", Rule::Normal, handle, [&](Lock&, Stream& stream) {
    if (!flags) return cudaErrorInvalidValue;
    *flags = stream.flags;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetPriority(cudaStream_t handle, int* priority) {
  return stream_api("cudaStreamGetPriority", Rule::Normal, handle, [&](Lock&, Stream& stream) {
    if (!priority) return cudaErrorInvalidValue;
    *priority = stream.priority;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetId(cudaStream_t handle, unsigned long long* id) {
  return stream_api("cudaStreamGetId", Rule::Normal, handle, [&](Lock&, Stream& stream) {
    if (!id) return cudaErrorInvalidValue;
    *id = stream.id ? stream.id : 1;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamGetDevice(cudaStream_t handle, int* device) {
  return stream_api("cudaStreamGetDevice", Rule::Normal, handle, [&](Lock&, Stream& stream) {
    if (!device) return cudaErrorInvalidValue;
    *device = stream.device;
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t handle) {
  return stream_api("cudaStreamSynchronize", Rule::Unsafe, handle, [&](Lock& lock, Stream& stream) {
    if (stream.capture) return refuse_captured(stream);
    // The legacy stream stands for all the streams that it waits for.
    if (&stream == &device(stream.device).null_stream) {
      if (const cudaError_t status = refuse_legacy(stream); status != cudaSuccess) return status;
      return wait_for(lock, queue_work(lock, stream, {WorkKind::Event, nullptr}, {}));
    }
    return wait_stream(lock, stream);
  });
}

cudaError_t cudaStreamQuery(cudaStream_t handle) {
  return stream_api("cudaStreamQuery", Rule::Unsafe, handle, [&](Lock& lock, Stream& stream) {
    if (stream.capture) return refuse_captured(stream);
    if (const cudaError_t status = refuse_legacy(stream); status != cudaSuccess) return status;
    make_progress(lock);
    if (device(stream.device).failure != cudaSuccess) return device(stream.device).failure;
    return stream.last && !stream.last->done ? cudaErrorNotReady : cudaSuccess;
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t handle, cudaHostFn_t function, void* user_data) {
  return stream_api("cudaLaunchHostFunc", Rule::Normal, handle, [&](Lock& lock, Stream& stream) {
    if (!function) return cudaErrorInvalidValue;
    return submit(lock, stream, {WorkKind::Host, [=] { function(user_data); }});
  });
}

cudaError_t cudaStreamAddCallback(cudaStream_t handle, cudaStreamCallback_t callback, void* user_data,
                                  unsigned int flags) {
  return stream_api("cudaStreamAddCallback", Rule::Normal, handle, [&](Lock& lock, Stream& stream) {
    if (!callback || flags != 0) return cudaErrorInvalidValue;
    if (stream.capture) return refuse_captured(stream);
    return submit(lock, stream, {WorkKind::Host, [=] { callback(handle, cudaSuccess, user_data); }});
  });
}
