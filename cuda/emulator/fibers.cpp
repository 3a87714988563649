#include "fibers.h"

#include <pthread.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#if defined(__x86_64__) && !defined(PLAIT_EMULATOR_UCONTEXT)
#define PLAIT_EMULATOR_ASSEMBLY 1
#else
#include <ucontext.h>
#endif

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif
#if defined(__SANITIZE_THREAD__)
#error "The CUDA emulator switches stacks, which the thread sanitizer does not follow. Build it without."
#endif

#ifdef PLAIT_EMULATOR_ASSEMBLY
// A switch is a call, so only the registers that a call preserves are saved: a few nanoseconds, no system
// call.
extern "C" void plait_emulator_switch(void** save, void* load) __attribute__((visibility("hidden")));
asm(R"(
.text
.p2align 4
.hidden plait_emulator_switch
.globl plait_emulator_switch
.type plait_emulator_switch, @function
plait_emulator_switch:
  endbr64
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size plait_emulator_switch, . - plait_emulator_switch
)");
#endif

namespace emulator {

namespace {

#if defined(__SANITIZE_ADDRESS__)
constexpr size_t kStack = 256 << 10;  // its frames are larger
#else
constexpr size_t kStack = 64 << 10;
#endif
constexpr size_t kGuard = 4096;  // without rights: an overflow faults

// Stacks start at different offsets in their pages: the same one would send the tops of all to a few sets of
// the first cache.
size_t next_color() {
  static size_t count = 0;
  return ++count * 320 % 4096 / 64 * 64;
}

}  // namespace

void describe_thread_stack(Context& context) {
  thread_local const struct Bounds {
    void* bottom = nullptr;
    size_t size = 0;
    Bounds() {
      pthread_attr_t attributes;
      if (pthread_getattr_np(pthread_self(), &attributes) != 0) return;
      pthread_attr_getstack(&attributes, &bottom, &size);
      pthread_attr_destroy(&attributes);
    }
  } bounds;
  context.bottom = bounds.bottom;
  context.size = bounds.size;
}

Fiber::Fiber(void (*entry)()) : entry_(entry), color_(next_color()) {
  void* memory = mmap(nullptr, kStack + kGuard, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
  if (memory == MAP_FAILED || mprotect(memory, kGuard, PROT_NONE) != 0) {
    std::perror("CUDA emulator: no memory for a thread's stack");
    std::abort();
  }
  stack_ = static_cast<char*>(memory) + kGuard;
  context.bottom = stack_;
  context.size = kStack;
#ifndef PLAIT_EMULATOR_ASSEMBLY
  context.state = new ucontext_t;
#endif
  restart();
}

void Fiber::restart() {
  context.fake_stack = nullptr;
#ifdef PLAIT_EMULATOR_ASSEMBLY
  // As plait_emulator_switch() leaves it: six registers, then where to return to. At a function's first
  // instruction the stack is 8 bytes off a multiple of 16.
  auto* top = reinterpret_cast<uint64_t*>(stack_ + kStack - color_) - 3;
  *--top = reinterpret_cast<uint64_t>(entry_);
  for (int i = 0; i < 6; ++i) *--top = 0;
  context.state = top;
#else
  auto& saved = *static_cast<ucontext_t*>(context.state);
  getcontext(&saved);
  saved.uc_stack.ss_sp = stack_;
  saved.uc_stack.ss_size = kStack;
  saved.uc_link = nullptr;
  makecontext(&saved, entry_, 0);
#endif
}

void switch_context(Context& from, Context& to) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(&from.fake_stack, to.bottom, to.size);
#endif
#ifdef PLAIT_EMULATOR_ASSEMBLY
  plait_emulator_switch(&from.state, to.state);
#else
  ucontext_t here;
  if (!from.state) from.state = &here;  // a thread's own flow needs one for the time being
  swapcontext(static_cast<ucontext_t*>(from.state), static_cast<ucontext_t*>(to.state));
  if (from.state == &here) from.state = nullptr;
#endif
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(from.fake_stack, nullptr, nullptr);
#endif
}

void fiber_started() {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(nullptr, nullptr, nullptr);
#endif
}

}  // namespace emulator
