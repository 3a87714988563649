// Stacks to switch between: an emulated thread that waits for others keeps its own.
#pragma once

#include <cstddef>

namespace emulator {

// A flow of control that is not running.
struct Context {
  void* state = nullptr;         // saved registers: on its stack (x86-64) or a ucontext_t
  const void* bottom = nullptr;  // its stack, for the address sanitizer
  size_t size = 0;
  void* fake_stack = nullptr;  // the sanitizer's
};

// Fills `size` and `bottom` for the calling thread's own stack.
void describe_thread_stack(Context& context);

class Fiber {
 public:
  // `entry` never returns: it switches away and is abandoned.
  explicit Fiber(void (*entry)());
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void restart();  // at `entry` again, whatever it was doing
  Context context;

 private:
  void (*entry_)();
  size_t color_;
  char* stack_;
};

// Saves the running flow in `from` and goes on with `to`.
void switch_context(Context& from, Context& to);
// What a fiber's entry does first.
void fiber_started();

}  // namespace emulator
