// C++ exceptions to Python's standard types; the GIL; the user's line.
#include <pybind11/pybind11.h>

#include <algorithm>
#include <unordered_set>

#include "bindings/python.h"
#include "core/backend.h"
#include "core/warning.h"

namespace plait::python {
namespace {

PyObject* out_of_memory_error() {
  static PyObject* type = PyErr_NewExceptionWithDoc("plait.OutOfMemoryError", "Memory of a device ran out.",
                                                    PyExc_RuntimeError, nullptr);
  return type;
}

PyObject* entry_error() {
  static PyObject* type = PyErr_NewExceptionWithDoc(
      "plait._C.EntryError", "A value of one entry was asked for, where vmap computes all entries at once.",
      PyExc_RuntimeError, nullptr);
  return type;
}

// Bad arguments. PyTorch raises RuntimeError for many of them and NumPy ValueError: code that catches either
// finds it.
PyObject* argument_error() {
  static PyObject* type = [] {
    Object bases(PyTuple_Pack(2, PyExc_ValueError, PyExc_RuntimeError));
    return PyErr_NewExceptionWithDoc(
        "plait.ArgumentError", "An argument of a wrong shape or value; a ValueError and a RuntimeError.",
        bases.get(), nullptr);
  }();
  return type;
}

thread_local bool t_unlocked = false;
thread_local CallSite t_site;

// Code objects that nodes point to live as long as the process: there are no more of them than the program
// has functions.
PyCodeObject* intern(PyCodeObject* code) {
  static std::unordered_set<PyCodeObject*> known;
  static PyCodeObject* last = nullptr;
  if (code == last) return code;
  if (known.insert(code).second) Py_INCREF(code);
  return last = code;
}

}  // namespace

void set_python_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "an error was signalled without an exception");
  } catch (const TypeError& e) {
    PyErr_SetString(PyExc_TypeError, e.what());
  } catch (const ValueError& e) {
    PyErr_SetString(argument_error(), e.what());
  } catch (const IndexError& e) {
    PyErr_SetString(PyExc_IndexError, e.what());
  } catch (const NotImplementedError& e) {
    PyErr_SetString(PyExc_NotImplementedError, e.what());
  } catch (const OutOfMemoryError& e) {
    PyErr_SetString(out_of_memory_error(), e.what());
  } catch (const EntryError& e) {
    PyErr_SetString(entry_error(), e.what());
  } catch (pybind11::error_already_set& e) {
    e.restore();
  } catch (const pybind11::builtin_exception& e) {
    e.set_error();
  } catch (const std::bad_alloc&) {
    PyErr_SetString(out_of_memory_error(), "out of memory");
  } catch (const std::exception& e) {
    PyErr_SetString(PyExc_RuntimeError, e.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "an unknown C++ exception");
  }
}

CallSite call_site() noexcept {
  if (t_unlocked) return t_site;
  // A thread without the GIL has no frame to look at: before 3.12, the state may be another thread's.
  PyThreadState* state = _PyThreadState_UncheckedGet();
  if (!state || state != PyGILState_GetThisThreadState()) return {};
  PyFrameObject* frame = PyEval_GetFrame();
  if (!frame) return {};
  PyCodeObject* code = PyFrame_GetCode(frame);
  Py_DECREF(code);  // the frame keeps it
  return {intern(code), PyFrame_GetLasti(frame)};
}

std::string call_site_text(CallSite site) {
  WithGil gil;
  auto* code = static_cast<PyCodeObject*>(site.code);
  const int line = PyCode_Addr2Line(code, site.instruction);
  const char* file = PyUnicode_AsUTF8(code->co_filename);
  const char* function = PyUnicode_AsUTF8(code->co_name);
  return message("{}:{} in {}", file ? file : "?", line, function ? function : "?");
}

std::vector<CallSite> call_stack() {
  std::vector<CallSite> calls;
  if (!Py_IsInitialized()) return calls;
  const WithGil gil;
  PyFrameObject* frame = PyEval_GetFrame();
  Py_XINCREF(frame);
  while (frame) {
    PyCodeObject* code = PyFrame_GetCode(frame);
    calls.push_back({intern(code), PyFrame_GetLasti(frame)});
    Py_DECREF(code);
    PyFrameObject* caller = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = caller;
  }
  std::reverse(calls.begin(), calls.end());
  return calls;
}

PyObject* call_stack_list(const std::vector<CallSite>& calls) {
  Object list(checked(PyList_New(static_cast<Py_ssize_t>(calls.size()))));
  for (size_t i = 0; i < calls.size(); ++i)
    PyList_SET_ITEM(list.get(), i, checked(Py_BuildValue("(Oi)", calls[i].code, calls[i].instruction)));
  return list.release();
}

std::string call_stack_text(const std::vector<CallSite>& calls) {
  const WithGil gil;
  // An exception may be set, whose explanation this is.
  PyObject *type, *value, *traceback;
  PyErr_Fetch(&type, &value, &traceback);
  std::string text;
  try {
    Object list(call_stack_list(calls));
    Object module(checked(PyImport_ImportModule("plait.autograd.anomaly_mode")));
    Object result(checked(PyObject_CallMethod(module.get(), "_format_calls", "(O)", list.get())));
    const char* chars = PyUnicode_AsUTF8(result.get());
    if (chars) text = chars;
  } catch (const PythonError&) {
    for (const CallSite& call : calls) text += "  " + call_site_text(call) + "\n";
  }
  PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  return text;
}

WithGil::WithGil() {
  // Of an interpreter that is gone, Python knows no thread but the one that ends it.
  if (!Py_IsInitialized() && !PyGILState_GetThisThreadState()) sleep_until_exit();
  state_ = PyGILState_Ensure();
}

WithoutGil::WithoutGil(bool release) {
  if (!release || t_unlocked) return;
  t_site = call_site();
  state_ = PyEval_SaveThread();
  t_unlocked = true;
}
WithoutGil::~WithoutGil() {
  if (!state_) return;
  t_unlocked = false;
  PyEval_RestoreThread(state_);
}

namespace {

void warn_in_python(const std::string& text) {
  const WithGil gil;
  checked(PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1));
}

// Around a wait for a device, deep within an op: the thread may have given up the GIL before (WithoutGil),
// may have taken it again (a hook in backward), or may be one that Python does not know.
void* begin_wait() {
  PyThreadState* holder = _PyThreadState_UncheckedGet();
  return holder && holder == PyGILState_GetThisThreadState() ? PyEval_SaveThread() : nullptr;
}
void end_wait(void* state) noexcept { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }

}  // namespace

void add_errors(PyObject* module) {
  PyModule_AddObjectRef(module, "OutOfMemoryError", out_of_memory_error());
  PyModule_AddObjectRef(module, "ArgumentError", argument_error());
  PyModule_AddObjectRef(module, "EntryError", entry_error());
  current_call_site = call_site;
  warn = warn_in_python;
  describe_call_site = call_site_text;
  current_call_stack = call_stack;
  describe_call_stack = call_stack_text;
  DeviceWait::hooks = {begin_wait, end_wait};
}

}  // namespace plait::python
