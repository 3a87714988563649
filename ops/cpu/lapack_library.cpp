#include "ops/cpu/lapack_library.h"

#include <dlfcn.h>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <vector>

#include "core/fork.h"
#include "core/parallel.h"
#include "ops/cpu/lapack.h"

namespace plait::cpu::lapack_library {

// Note [Threads of LAPACK]
// The library has threads of its own, as many as the environment said when it was loaded. It is given the
// count of plait.set_num_threads() before a call where that has changed, and at first where plait has
// fewer: what OPENBLAS_NUM_THREADS=1 asks for holds until somebody sets another count. NumPy's products,
// which are computed by the same library, follow. Where plait shares the work out itself, the library has one
// thread for as long as that takes, and then the count it had; calls in several threads of a program may
// overlap, so the first takes the count and the last gives it back. Of a fork in the midst of that, the child
// keeps the one thread.
class Threads {
 public:
  // Comes before all other calls.
  void find(void* library, const std::string& prefix) {
    const auto symbol = [&](const std::string& name) { return dlsym(library, name.c_str()); };
    for (const char* const end : {"64_", ""}) {
      const std::string start = prefix + "openblas_";
      set_ = reinterpret_cast<void (*)(int)>(symbol(start + "set_num_threads" + end));
      get_ = reinterpret_cast<int (*)()>(symbol(start + "get_num_threads" + end));
      if (set_ && get_) break;
    }
    if (!set_ || !get_) {
      set_ = reinterpret_cast<void (*)(int)>(symbol("MKL_Set_Num_Threads"));
      get_ = reinterpret_cast<int (*)()>(symbol("MKL_Get_Max_Threads"));
    }
    if (!set_ || !get_) {
      set_ = nullptr;
      return;
    }
    const int count = num_threads();
    if (count < get_()) set_(count);
    told_.store(count, std::memory_order_relaxed);
  }

  void follow() {
    const int count = num_threads();
    if (!set_ || told_.load(std::memory_order_relaxed) == count) return;
    const std::lock_guard lock(mutex());
    told_.store(count, std::memory_order_relaxed);
    if (callers_ > 0)
      before_ = count;
    else
      set_(count);
  }

  void enter_one() {
    if (!set_) return;
    const std::lock_guard lock(mutex());
    if (callers_++ > 0) return;
    before_ = get_();
    if (before_ != 1) set_(1);
  }
  void leave_one() {
    if (!set_) return;
    const std::lock_guard lock(mutex());
    if (--callers_ == 0 && before_ != 1) set_(before_);
  }

 private:
  // What is called under it takes the library's own locks, and none of plait's.
  static std::mutex& mutex() {
    static auto* const instance = [] {
      auto* made = new std::mutex;  // never destroyed: threads may compute while a process ends
      hold_over_forks(*made);
      return made;
    }();
    return *instance;
  }

  void (*set_)(int) = nullptr;
  int (*get_)() = nullptr;
  std::atomic<int> told_{0};  // plait's count, when the library was told last
  int callers_ = 0, before_ = 1;
};

namespace {

std::atomic<std::string (*)()> g_finder{nullptr};

// Looks for all of them. Names are as the library has them: OpenBLAS of NumPy's and SciPy's wheels with a
// prefix.
struct Loaded : Functions {
  Threads threads;
  const char *prefix = "", *suffix = "";

  bool load(void* library) {
    for (const auto& [before, after, integers] :
         {std::tuple("scipy_", "_64_", true), std::tuple("", "_64_", true), std::tuple("scipy_", "_", false),
          std::tuple("", "_", false)}) {
      prefix = before, suffix = after, wide = integers;
      if (load_all(library)) {
        threads.find(library, prefix);
        return true;
      }
    }
    return false;
  }

  void* symbol(void* library, char type, const char* name) const {
    return dlsym(library, (prefix + std::string(1, type) + name + suffix).c_str());
  }
  // For two dtypes, real or complex ones, or for four.
  template <class F>
  bool find_two(void* library, F** functions, const char* types, const char* name) const {
    functions[0] = reinterpret_cast<F*>(symbol(library, types[0], name));
    functions[1] = reinterpret_cast<F*>(symbol(library, types[1], name));
    return functions[0] && functions[1];
  }
  template <class F>
  bool find_four(void* library, F* (&functions)[4], const char* name, const char* complex_name) const {
    return find_two(library, functions, "sd", name) && find_two(library, functions + 2, "cz", complex_name);
  }
  bool load_all(void* library) {
    return find_four(library, potrf, "potrf", "potrf") && find_four(library, getrf, "getrf", "getrf") &&
           find_four(library, trsm, "trsm", "trsm") && find_four(library, trsv, "trsv", "trsv") &&
           find_four(library, gemm, "gemm", "gemm") && find_four(library, herk, "syrk", "herk") &&
           find_four(library, geqr2, "geqr2", "geqr2") && find_four(library, org2r, "org2r", "ung2r") &&
           find_four(library, geqrt3, "geqrt3", "geqrt3") && find_four(library, larft, "larft", "larft") &&
           find_four(library, trtri, "trtri", "trtri") && find_four(library, ormqr, "ormqr", "unmqr") &&
           find_two(library, syevd, "sd", "syevd") && find_two(library, heevd, "cz", "heevd") &&
           find_two(library, real_gesdd, "sd", "gesdd") && find_two(library, complex_gesdd, "cz", "gesdd") &&
           find_two(library, real_geev, "sd", "geev") && find_two(library, complex_geev, "cz", "geev") &&
           find_four(library, sytrf, "sytrf", "sytrf") && find_two(library, hetrf, "cz", "hetrf") &&
           find_four(library, sytrs, "sytrs", "sytrs") && find_two(library, hetrs, "cz", "hetrs") &&
           find_two(library, real_gelsy, "sd", "gelsy") && find_two(library, complex_gelsy, "cz", "gelsy") &&
           find_two(library, real_gelsd, "sd", "gelsd") && find_two(library, complex_gelsd, "cz", "gelsd");
  }
};

std::atomic<Loaded*> g_loaded{nullptr};

// Threads that find the library missing look for it side by side: with a lock that one of them holds, a child
// forked meanwhile would wait for ever.
Loaded* find_library() {
  if (Loaded* f = g_loaded.load(std::memory_order_acquire)) return f;
  const auto finder = g_finder.load();
  const char* named = std::getenv("PLAIT_LAPACK");
  std::vector<std::string> files;
  if (named && *named)
    files = {named};
  else
    files = {finder ? finder() : "", "liblapack.so.3", "libopenblas.so.0"};
  for (const std::string& file : files) {
    // Never closed again: the pointers live in it. A symbol is looked for in what the file is linked to, too.
    void* library = file.empty() ? nullptr : dlopen(file.c_str(), RTLD_LAZY | RTLD_LOCAL);
    auto f = std::make_unique<Loaded>();
    if (!library || !f->load(library)) continue;
    Loaded* first = nullptr;
    return g_loaded.compare_exchange_strong(first, f.get(), std::memory_order_acq_rel) ? f.release() : first;
  }
  return nullptr;
}

}  // namespace

const Functions* found_functions() { return find_library(); }

const Functions* functions() {
  Loaded* const f = find_library();
  if (f) f->threads.follow();
  return f;
}

OneThread::OneThread() {
  // Small matrices need no library: none is looked for on their account.
  if (Loaded* const f = g_loaded.load(std::memory_order_acquire)) threads_ = &f->threads;
  if (threads_) threads_->enter_one();
}
OneThread::~OneThread() {
  if (threads_) threads_->leave_one();
}

}  // namespace plait::cpu::lapack_library

namespace plait::cpu {

void set_lapack_finder(std::string (*find)()) { lapack_library::g_finder.store(find); }

}  // namespace plait::cpu
