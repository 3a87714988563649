// plait._C: everything that is not hot, by pybind11, and the assembly of the module.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <unistd.h>

#include "autograd/inplace_view.h"
#include "bindings/autocast.h"
#include "bindings/cuda.h"
#include "bindings/debugging.h"
#include "bindings/dlpack.h"
#include "bindings/generator.h"
#include "bindings/outside_ops.h"
#include "core/alignment.h"
#include "core/backend.h"
#include "core/batch.h"
#include "core/library.h"
#include "core/parallel.h"
#include "ops/cpu/lapack.h"

// GeneratorImpl counts its references itself.
PYBIND11_DECLARE_HOLDER_TYPE(T, plait::Ref<T>, true)

namespace plait::python {

void add_batches(PyObject* module);
void add_errors(PyObject* module);

namespace {

// The file of NumPy that is linked to a LAPACK, or "". NumPy is looked for, and not imported.
std::string numpys_lapack() {
  py::gil_scoped_acquire gil;
  try {
    const py::object spec = py::module_::import("importlib.util").attr("find_spec")("numpy");
    if (spec.is_none()) return "";
    const py::object folders = spec.attr("submodule_search_locations");
    const py::object suffixes = py::module_::import("importlib.machinery").attr("EXTENSION_SUFFIXES");
    for (const py::handle folder : folders)
      for (const py::handle suffix : suffixes) {
        const std::string file =
            py::cast<std::string>(folder) + "/linalg/_umath_linalg" + py::cast<std::string>(suffix);
        if (access(file.c_str(), R_OK) == 0) return file;
      }
  } catch (const py::error_already_set&) {  // no NumPy that could be imported
  }
  return "";
}

const Tensor& tensor_arg(py::handle object, const char* who) {
  if (!is_tensor(object.ptr()))
    fail<TypeError>("{}: expected a Tensor, got {}", who, Py_TYPE(object.ptr())->tp_name);
  return unwrap(object.ptr());
}
py::object steal(PyObject* object) { return py::reinterpret_steal<py::object>(checked(object)); }

// A custom Function's saved tensor: with its version, and without a cycle where it is the Function's own
// output.
struct Saved {
  Tensor tensor;
  uint32_t version;
  int output;  // -1: an input

  py::object unpack(py::handle node) const {
    if (tensor.defined() && tensor.version() != version)
      fail<RuntimeError>(
          "saved_tensors: a tensor of shape {} that was saved for backward has been modified by an in-place "
          "operation: it is at version {}, expected version {}; use an out-of-place operation, or .clone() "
          "before it",
          tensor.sizes(), tensor.version(), version);
    if (output < 0 || !tensor.defined() || !grad_enabled() || node.is_none()) return steal(wrap(tensor));
    Tensor alias = detached_alias(tensor);
    // node is the PyNode of the Function; its layout begins with the reference to the node
    struct NodeHead {
      PyObject_HEAD Ref<Node> node;
    };
    set_history(alias, reinterpret_cast<NodeHead*>(node.ptr())->node, static_cast<uint32_t>(output));
    return steal(wrap(alias));
  }
};

py::list describe_registry() {
  py::list list;
  for (const OpBase* op : Registry::instance().all()) {
    if (op->schema().name.find("::") != std::string::npos) continue;  // from outside
    static constexpr const char* kinds[] = {"pointwise", "reduction", "scan",   "view",  "index",
                                            "join",      "matmul",    "conv",   "pool",  "norm",
                                            "loss",      "create",    "random", "optim", "other"};
    py::list dtypes, params, returns;
    for (int i = 0; i < kDTypeCount; ++i)
      if (op->dtypes() & (1u << i)) dtypes.append(std::string(name(static_cast<DType>(i))));
    for (const Param& p : op->schema().params) params.append(p.name);
    for (const Return& r : op->schema().returns) returns.append(r.type);
    py::dict entry;
    entry["name"] = op->schema().name;
    entry["overload"] = op->schema().overload;
    entry["schema"] = op->schema().text;
    entry["doc"] = op->doc();
    entry["kind"] = kinds[static_cast<int>(op->kind())];
    entry["inplace"] = op->inplace_kind() != Inplace::None;
    entry["out"] = op->has_out();
    entry["differentiable"] = op->is_differentiable();
    entry["composite"] = op->is_composite();
    entry["view"] = op->is_view();
    entry["dtypes"] = dtypes;
    entry["params"] = params;
    entry["returns"] = returns;
    list.append(entry);
  }
  return list;
}

/// A seed as its 64 bits; negative ones count from 2^64.
uint64_t seed_bits(py::handle seed) {
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(seed.ptr()));
  if (!number) throw py::error_already_set();
  int overflow = 0;
  const long long small = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow == 0) return static_cast<uint64_t>(small);
  const unsigned long long large = overflow > 0 ? PyLong_AsUnsignedLongLong(number.ptr()) : 0;
  if (overflow < 0 || PyErr_Occurred()) {
    PyErr_Clear();
    throw py::value_error("manual_seed: expected a seed of -2^63 to 2^64 - 1, got " +
                          py::str(seed).cast<std::string>());
  }
  return large;
}

}  // namespace

PyObject* wrap_generator(const Generator& generator) { return py::cast(generator).release().ptr(); }

bool to_generator(PyObject* object, Generator& out) {
  if (!py::isinstance<GeneratorImpl>(object)) return false;
  out = Generator::share(py::cast<GeneratorImpl*>(py::handle(object)));
  return true;
}

}  // namespace plait::python

// Types and the registry are the process's, and CPython's calls for threads that it does not know (hooks,
// deleters) mean the main interpreter: in another one, already pybind11 would wait for ever. So it is refused
// before: pybind11's entry gets another name.
#define PyInit__C init_by_pybind11
extern "C" PyObject* init_by_pybind11();

PYBIND11_MODULE(_C, m) {
  using namespace plait;
  using namespace plait::python;

  set_package_folders([] {
    py::gil_scoped_acquire gil;
    const py::object paths = py::module_::import("sys").attr("path");
    std::vector<std::string> folders;
    for (const py::handle path : paths)
      if (py::isinstance<py::str>(path)) folders.push_back(py::cast<std::string>(path));
    return folders;
  });
  // LAPACK is the one that NumPy is linked to.
  cpu::set_lapack_finder(numpys_lapack);
  py::register_exception_translator([](std::exception_ptr p) {
    try {
      if (p) std::rethrow_exception(p);
    } catch (const Error&) {
      set_python_error();
    } catch (const PythonError&) {
      set_python_error();
    }
  });
  try {
    add_errors(m.ptr());
    add_value_types(m.ptr());
    make_tensor_type(m.ptr());
    add_node_type(m.ptr());
    add_batches(m.ptr());
    add_op_functions(m.ptr());
  } catch (const PythonError&) {
    throw py::error_already_set();
  }

  py::class_<GeneratorImpl, Ref<GeneratorImpl>>(
      m, "Generator", "A source of random numbers: a seed and the offset of the next draw.")
      .def(py::init([](py::object object) {  // one kind serves all devices
             Device device;
             if (!to_device(object.ptr(), device))
               fail<TypeError>("Generator: expected a device, got {}", Py_TYPE(object.ptr())->tp_name);
             return Ref<GeneratorImpl>::adopt(new GeneratorImpl());
           }),
           py::arg("device") = "cpu")
      .def(
          "manual_seed",
          [](py::object self, py::handle seed) {
            py::cast<GeneratorImpl&>(self).set_state({seed_bits(seed), 0});
            return self;
          },
          "Starts again from a seed, of -2^63 to 2^64 - 1; returns self.")
      .def(
          "seed",
          [](GeneratorImpl& g) {
            const auto seed =
                static_cast<uint64_t>(py::module_::import("secrets").attr("randbits")(63).cast<int64_t>());
            g.set_state({seed, 0});
            return seed;
          },
          "Starts from a seed of the operating system's, which is returned.")
      .def("initial_seed", [](GeneratorImpl& g) { return g.state().seed; })
      .def(
          "get_state",
          [](GeneratorImpl& g) {
            Tensor state = empty_tensor(Dims{2}, DType::Int64);
            state.data<int64_t>()[0] = static_cast<int64_t>(g.state().seed);
            state.data<int64_t>()[1] = static_cast<int64_t>(g.state().offset);
            return steal(wrap(state));
          },
          "Seed and offset, as an int64 tensor of two elements.")
      .def("set_state",
           [](py::object self, py::handle object) {
             const Tensor& state = tensor_arg(object, "set_state");
             check(state.numel() == 2 && state.dtype() == DType::Int64 && state.is_contiguous() &&
                       state.is_cpu(),
                   "set_state: expected the int64 tensor of two elements that get_state() gave, got shape {} "
                   "and dtype {}",
                   state.sizes(), state.dtype());
             py::cast<GeneratorImpl&>(self).set_state({static_cast<uint64_t>(state.data<int64_t>()[0]),
                                                       static_cast<uint64_t>(state.data<int64_t>()[1])});
             return self;
           })
      .def_property_readonly("device", [](GeneratorImpl&) { return steal(wrap(kCPU)); })
      .def("__reduce__", [](py::object self) {
        return py::make_tuple(py::module_::import("plait._tensor").attr("_rebuild_generator"),
                              py::make_tuple(self.attr("get_state")().attr("tolist")()));
      });
  m.attr("default_generator") = py::cast(default_generator());

  py::class_<Saved>(m, "_Saved")
      .def(py::init([](py::object tensor, int output) {
        Tensor t;
        if (!tensor.is_none()) t = tensor_arg(tensor, "save_for_backward");
        if (t.defined() && t.impl()->inference)
          fail<RuntimeError>(
              "save_for_backward: a tensor made in inference mode cannot be saved; .clone() it outside of "
              "inference mode");
        const uint32_t version = t.defined() ? t.version() : 0;
        return Saved{output >= 0 && t.defined() ? detached_alias(t) : t, version, output};
      }))
      .def("unpack", &Saved::unpack);

  m.attr("__version__") = PLAIT_VERSION;
  m.def("registry", describe_registry, "One dict per registered op: name, schema, doc, kind, dtypes, ...");
  m.def("is_inference_mode_enabled", [] { return context().inference; });
  m.def("_set_inference_mode", [](bool on) {
    const std::pair<bool, bool> before{context().inference, grad_enabled()};
    context().inference = on;
    set_grad_enabled(!on);
    return before;
  });
  m.def("_restore_inference_mode", [](std::pair<bool, bool> before) {
    context().inference = before.first;
    set_grad_enabled(before.second);
  });
  m.def("is_inference", [](py::handle t) { return tensor_arg(t, "is_inference").impl()->inference; });
  m.def("get_num_threads", num_threads);
  m.def("set_num_threads", [](int count) {
    check(count >= 1, "set_num_threads: expected a positive number of threads, got {}", count);
    set_num_threads(count);
  });
  m.def("get_default_dtype", [] { return steal(wrap(default_dtype())); });
  m.def("set_default_dtype", [](py::handle object) {
    DType dtype;
    if (!to_dtype(object.ptr(), dtype) || !is_floating(dtype))
      fail<TypeError>("set_default_dtype: expected a floating dtype such as plait.float32");
    set_default_dtype(dtype);
  });
  m.def("_get_default_device", [] { return steal(wrap(concrete(default_device()))); });
  m.def("_set_default_device", [](py::handle object) {
    Device device;
    if (!to_device(object.ptr(), device))
      fail<TypeError>("set_default_device: expected a device, got {}", Py_TYPE(object.ptr())->tp_name);
    set_default_device(device);
  });
  m.def("_concrete", [](py::handle object) {
    Device device;
    if (!to_device(object.ptr(), device))
      fail<TypeError>("device: expected a device, got {}", Py_TYPE(object.ptr())->tp_name);
    return steal(wrap(concrete(device)));
  });
  m.def("promote_types", [](py::handle a, py::handle b) {
    DType x, y;
    if (!to_dtype(a.ptr(), x) || !to_dtype(b.ptr(), y)) fail<TypeError>("promote_types: expected two dtypes");
    return steal(wrap(promote(x, y)));
  });
  m.def("can_cast", [](py::handle from, py::handle to) {
    DType x, y;
    if (!to_dtype(from.ptr(), x) || !to_dtype(to.ptr(), y)) fail<TypeError>("can_cast: expected two dtypes");
    return can_cast(x, y);
  });
  m.def("result_type", [](py::args operands) {
    ResultType type;
    for (const py::handle o : operands) {
      if (is_tensor(o.ptr()))
        type.add(unwrap(o.ptr()));
      else if (is_number(o.ptr()))
        type.add(to_scalar(o.ptr()));
      else
        fail<TypeError>("result_type: expected tensors or numbers, got {}", Py_TYPE(o.ptr())->tp_name);
    }
    return steal(wrap(type.get()));
  });

  const auto from_data = [](py::handle data, py::handle dtype_object, py::handle device_object,
                            bool requires_grad, bool copy) {
    std::optional<DType> dtype;
    if (!dtype_object.is_none()) {
      DType d;
      if (!to_dtype(dtype_object.ptr(), d))
        fail<TypeError>("tensor: argument 'dtype' must be a plait.dtype, got {}",
                        Py_TYPE(dtype_object.ptr())->tp_name);
      dtype = d;
    }
    Device device;
    if (device_object.is_none())  // a tensor stays where it is
      device = is_tensor(data.ptr()) ? unwrap(data.ptr()).device() : default_device();
    else if (!to_device(device_object.ptr(), device))
      fail<TypeError>("tensor: argument 'device' must be a device");
    device = concrete(device);
    Tensor t = tensor_from_data(data.ptr(), dtype, copy);
    if (device != t.device()) {
      WithoutGil unlocked;
      const Tensor there = empty_tensor(t.sizes(), t.dtype(), device);
      if (device.type != DeviceType::Meta) copy_into(there, t);
      t = there;
    }
    if (requires_grad) set_requires_grad(t, true);
    return steal(wrap(t));
  };
  m.def("_tensor_from_data", from_data);
  m.def(
      "from_numpy",
      [](py::handle array) {
        if (!PyObject_CheckBuffer(array.ptr()) || is_tensor(array.ptr()))
          fail<TypeError>("from_numpy: expected a numpy.ndarray, got {}", Py_TYPE(array.ptr())->tp_name);
        return steal(wrap(tensor_from_buffer(array.ptr(), false)));
      },
      "A tensor that shares the memory of a NumPy array.");
  m.def("_to_dlpack", [](py::handle t) { return steal(to_dlpack(tensor_arg(t, "__dlpack__"))); });
  m.def("_from_dlpack", [](py::handle capsule) { return steal(wrap(from_dlpack(capsule.ptr()))); });

  m.def("_detached", [](py::handle t) { return steal(wrap(detached_alias(tensor_arg(t, "detach")))); });
  m.def(
      "_view_in_place",
      [](const std::string& name, py::handle op, py::object self, const py::args& args,
         const py::kwargs& kwargs) {
        const Tensor t = tensor_arg(self, name.c_str());
        check_view_inplace(name.c_str(), t);
        const py::object view = [&]() -> py::object {
          const ContextGuard guard;
          // What has a history gets this into it, under no_grad too: its gradient comes in the new shape.
          if (grad_fn(t)) set_grad_enabled(true);
          return op(self, *args, **kwargs);
        }();
        become_view(name.c_str(), t, tensor_arg(view, name.c_str()));
        return self;
      },
      "self.<name>_(...): self becomes the view that op(self, ...) is.");
  m.def(
      "_make_subclass",
      [](py::handle type, py::handle data, bool requires_grad) {
        if (!PyType_Check(type.ptr()) ||
            !PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(type.ptr()), tensor_type))
          fail<TypeError>("_make_subclass: expected a subclass of plait.Tensor");
        Tensor t = detached_alias(tensor_arg(data, "_make_subclass"));
        if (requires_grad) set_requires_grad(t, true);
        return steal(new_subclass_instance(reinterpret_cast<PyTypeObject*>(type.ptr()), t));
      },
      py::arg("cls"), py::arg("data"), py::arg("requires_grad") = false);
  m.def("_bump_version", [](py::handle t) {
    if (tensor_arg(t, "_bump_version").storage()) unwrap(t.ptr()).storage()->bump_version();
  });
  m.def("_storage_bytes", [](py::handle object) {
    const Tensor& t = tensor_arg(object, "_storage_bytes");
    refuse_batched(t, "untyped_storage");
    check<RuntimeError>(t.is_cpu(), "_storage_bytes: expected a tensor on the CPU, got {}", t.device());
    // The memoryview of a uint8 tensor over the whole storage keeps it alive.
    const auto bytes = static_cast<int64_t>(t.storage()->bytes());
    const py::object whole = steal(wrap(from_storage(t.storage(), DType::UInt8, Dims{bytes}, Dims{1}, 0)));
    return py::reinterpret_steal<py::object>(checked(PyMemoryView_FromObject(whole.ptr())));
  });
  m.def("_let_out", [](py::handle object) {  // before the address is given away
    const Tensor& t = tensor_arg(object, "data_ptr");
    if (t.storage()) t.storage()->let_out();
  });
  m.def("_storage_info", [](py::handle object) {
    const Tensor& t = tensor_arg(object, "untyped_storage");
    refuse_batched(t, "untyped_storage");
    const Storage& s = t.storage();
    if (!s) return py::tuple(py::make_tuple(0, 0, 0, 0));
    return py::tuple(py::make_tuple(reinterpret_cast<uintptr_t>(s->data()), s->bytes(), s->use_count(),
                                    reinterpret_cast<uintptr_t>(s.get())));
  });
  // Tensors made from one buffer object share a storage: a loader finds shared parameters again.
  // The bytes of a buffer; with `aligned` a copy of them where they could not be elements of every dtype.
  const auto from_buffer = [](py::handle buffer, bool aligned) {
    auto* view = new Py_buffer;
    if (PyObject_GetBuffer(buffer.ptr(), view, PyBUF_SIMPLE) < 0) {
      delete view;
      throw py::error_already_set();
    }
    auto storage = Storage::adopt(new StorageImpl(
        view->buf, static_cast<size_t>(view->len), kCPU,
        [](void* context) {
          if (!Py_IsInitialized()) return;
          WithGil gil;
          PyBuffer_Release(static_cast<Py_buffer*>(context));
          delete static_cast<Py_buffer*>(context);
        },
        view));
    const auto bytes = static_cast<int64_t>(storage->bytes());
    const Tensor borrowed = from_storage(std::move(storage), DType::UInt8, Dims{bytes}, Dims{1}, 0);
    const bool copied = aligned && !is_aligned(borrowed.data<char>(), DType::Float64);
    return steal(wrap(copied ? clone_plain(borrowed) : borrowed));
  };
  m.def("_storage_from_buffer", from_buffer, py::arg("buffer"), py::arg("aligned") = false);
  m.def("_tensor_on_storage",
        [](py::handle holder, py::handle dtype_object, const std::vector<int64_t>& sizes,
           const std::vector<int64_t>& strides, int64_t offset) {
          DType dtype;
          if (!to_dtype(dtype_object.ptr(), dtype)) fail<TypeError>("_tensor_on_storage: expected a dtype");
          const Tensor& t = tensor_arg(holder, "_tensor_on_storage");
          check(sizes.size() == strides.size() && offset >= 0,
                "storage: sizes {} and strides {} must have one length", IntSpan(sizes), IntSpan(strides));
          const int64_t numel = checked_numel(sizes, "storage");
          int64_t last = offset;
          for (size_t i = 0; i < sizes.size(); ++i) {
            int64_t reach = 0;
            check(strides[i] >= 0 && !__builtin_mul_overflow(sizes[i] - 1, strides[i], &reach) &&
                      !__builtin_add_overflow(last, reach, &last),
                  "storage: bad strides {} for sizes {}", IntSpan(strides), IntSpan(sizes));
          }
          refuse_batched(t, "storage");
          check(!t.is_meta(), "storage: a tensor on the meta device has none");
          const auto room = static_cast<int64_t>(t.storage()->bytes()) / itemsize(dtype);
          check(numel == 0 ? offset <= room : last < room,
                "storage: sizes {}, strides {} and offset {} reach beyond a storage of {} elements",
                IntSpan(sizes), IntSpan(strides), offset, room);
          check(numel == 0 || is_aligned(t.storage()->data(), dtype),  // Note [Alignment]
                "storage: the memory begins at {}, expected a multiple of {} bytes for {}; copy it first",
                t.storage()->data(), alignment(dtype), dtype);
          return steal(
              wrap(from_storage(t.storage(), dtype, Dims(IntSpan(sizes)), Dims(IntSpan(strides)), offset)));
        });
  m.def(
      "memory_stats",
      [] {
        const MemoryStats s = cpu_memory_stats();
        py::dict d;
        d["allocated"] = s.allocated;
        d["peak"] = s.peak;
        d["cached"] = s.cached;
        d["allocations"] = s.allocations;
        d["system_allocations"] = s.system_allocations;
        return d;
      },
      "Bytes of CPU memory in live tensors, their peak, what is cached, and the numbers of allocations.");
  m.def("reset_peak_memory_stats", reset_peak_cpu_memory);
  add_outside_ops(m);
  add_autocast(m);
  add_debugging(m);
  add_overrides(m.ptr());
  add_composites(m.ptr());
  add_quick_functions(m.ptr());
  add_profiler(m);
  add_cuda(m);
  add_distributed(m);
  m.def("empty_cache", empty_cpu_cache, "Gives cached CPU memory back to the system.");
}

#undef PyInit__C
PYBIND11_PLUGIN_IMPL(_C) {
  if (PyInterpreterState_Get() == PyInterpreterState_Main()) return init_by_pybind11();
  PyErr_SetString(
      PyExc_ImportError,
      "plait: expected the main interpreter, got a subinterpreter, which it does not support; use a "
      "process of its own (plait.multiprocessing)");
  return nullptr;
}
