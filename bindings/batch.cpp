// What plait.func needs to compute a function for all entries of a batch: Note [Batched tensors] in
// core/batch.h.
#include "core/batch.h"

#include "bindings/python.h"

namespace plait::python {
namespace {

PyObject* pairs(const auto& list) {
  Object out(checked(PyTuple_New(static_cast<Py_ssize_t>(list.end() - list.begin()))));
  Py_ssize_t i = 0;
  for (const auto& each : list)
    PyTuple_SET_ITEM(out.get(), i++,
                     checked(Py_BuildValue("(LL)", static_cast<long long>(each.level),
                                           static_cast<long long>(each.size))));
  return out.release();
}

// _batch_enter(size, randomness) -> level; randomness: 0 error, 1 different, 2 same
PyObject* enter(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    long long size = 0;
    int randomness = 0;
    if (!PyArg_ParseTuple(args, "Li", &size, &randomness)) throw PythonError{};
    check(size > 0 && randomness >= 0 && randomness <= 2,
          "_batch_enter: expected a size of 1 or more and a randomness of 0 to 2, got {} and {}",
          static_cast<int64_t>(size), static_cast<int64_t>(randomness));
    const int64_t level = new_batch_level();
    batch_regions().push_back({level, size, static_cast<Randomness>(randomness)});
    return PyLong_FromLongLong(level);
  });
}
// _batch_leave(level): and what was entered after it
PyObject* leave(PyObject*, PyObject* arg) {
  return guarded([&]() -> PyObject* {
    const long long level = PyLong_AsLongLong(arg);
    if (level == -1 && PyErr_Occurred()) throw PythonError{};
    std::vector<BatchRegion>& regions = batch_regions();
    for (size_t i = 0; i < regions.size(); ++i)
      if (regions[i].level == level) regions.resize(i);
    Py_RETURN_NONE;
  });
}
PyObject* regions(PyObject*, PyObject*) {
  return guarded([&] { return pairs(batch_regions()); });
}
// _batch_loops(): how many calls have run for one entry after the other
PyObject* loops(PyObject*, PyObject*) { return PyLong_FromLongLong(entry_loops()); }
PyObject* level(PyObject*, PyObject*) { return PyLong_FromLongLong(new_batch_level()); }

// _batch_sizes(tensor): the levels and sizes of the batches that it is in, the outermost first
PyObject* sizes(PyObject*, PyObject* object) {
  return guarded([&]() -> PyObject* {
    if (!is_tensor(object))
      fail<TypeError>("_batch_sizes: expected a Tensor, got {}", Py_TYPE(object)->tp_name);
    const Tensor& t = unwrap(object);
    return pairs(t.is_batched() ? *t.impl()->batch : BatchDims());
  });
}

PyMethodDef functions[] = {{"_batch_enter", enter, METH_VARARGS, nullptr},
                           {"_batch_leave", leave, METH_O, nullptr},
                           {"_batch_regions", regions, METH_NOARGS, nullptr},
                           {"_batch_level", level, METH_NOARGS, nullptr},
                           {"_batch_sizes", sizes, METH_O, nullptr},
                           {"_batch_loops", loops, METH_NOARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

void add_batches(PyObject* module) { checked(PyModule_AddFunctions(module, functions)); }

}  // namespace plait::python
