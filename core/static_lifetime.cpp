// Note [Objects that live as long as the process]
// A process ends by exit() while threads may still compute: daemon threads of Python, those of OpenMP, of a
// process group, of a stream. exit() runs the destructors of static objects (registries, ops, caches,
// allocators), and the threads go on with what is no more: a crash at the end of a run, once in hundreds of
// runs. Nothing is won by these destructors, since the system takes the memory back.
//
// So no object with static storage is ever destroyed in plait's libraries. The compiler registers each
// destructor with __cxa_atexit, and the linker sends these calls here (cmake/PlaitOptions.cmake,
// plait_keep_statics), where they end. It does not matter how an object was declared, nor whether it is one
// of the standard library's or of pybind11's. What has to happen at the end of a process is said explicitly,
// by std::atexit, which works as ever. Objects of a thread (thread_local) still end with their thread.
namespace {
using Destructor = void (*)(void*);
}

extern "C" {
extern void* __dso_handle __attribute__((visibility("hidden")));

int __real___cxa_atexit(Destructor destroy, void* object, void* library);

__attribute__((visibility("hidden"))) int __wrap___cxa_atexit(Destructor, void*, void*) { return 0; }

__attribute__((visibility("hidden"))) int __wrap_atexit(void (*function)()) {
  return __real___cxa_atexit(reinterpret_cast<Destructor>(reinterpret_cast<void*>(function)), nullptr,
                             &__dso_handle);
}
}
