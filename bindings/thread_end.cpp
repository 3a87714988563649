// Note [Threads that outlive the interpreter]
// A daemon thread that asks for the GIL when the interpreter has gone is ended by CPython (before 3.14) with
// pthread_exit, which unwinds its stack. That goes wrong in C++: a noexcept function on the way ends the
// whole process, with "terminate called without an active exception"; a destructor drops references or
// releases the GIL, which the thread does not hold; a handler that catches everything and goes on ends the
// process, too. Any call into Python may end so: a hook, a kernel that is a Python function, the last
// reference to an object whose __del__ is Python code, an allocation at which the garbage collector sets in.
//
// So the thread sleeps where it is, as it does from 3.14 on, and ends with the process. Whenever the stack is
// unwound past a function of ours, the personality routine of C++ is asked what is to be done there, before
// anything is. The linker sends the module's functions here for it (CMakeLists.txt), and an unwinding that is
// no exception goes no further. It is enough that the module's functions ask, since C++ calls Python nowhere
// else; a function that another library calls and that Python may not return to has to have such a routine:
// it has one if it has an object with a destructor, or is noexcept.
#include <unistd.h>
#include <unwind.h>

#include "bindings/python.h"

extern "C" {
_Unwind_Reason_Code __real___gxx_personality_v0(int version, _Unwind_Action actions,
                                                _Unwind_Exception_Class kind, _Unwind_Exception* exception,
                                                _Unwind_Context* context);

__attribute__((visibility("hidden"))) _Unwind_Reason_Code __wrap___gxx_personality_v0(
    int version, _Unwind_Action actions, _Unwind_Exception_Class kind, _Unwind_Exception* exception,
    _Unwind_Context* context) {
  if (actions & _UA_FORCE_UNWIND) plait::python::sleep_until_exit();
  return __real___gxx_personality_v0(version, actions, kind, exception, context);
}
}

namespace plait::python {

void sleep_until_exit() {
  for (;;) pause();
}

}  // namespace plait::python
