// plait._C._distributed: communicators and the work they do. The rest of plait.distributed is Python.
#include <pybind11/functional.h>
#include <pybind11/stl.h>

#include <unordered_set>

#include "bindings/debugging.h"
#include "bindings/python.h"
#include "distributed/communicator.h"

namespace plait::python {
namespace {

using namespace plait::distributed;

const Tensor& tensor_arg(py::handle object) {
  if (!is_tensor(object.ptr()))
    fail<TypeError>("distributed: expected a Tensor, got {}", Py_TYPE(object.ptr())->tp_name);
  return unwrap(object.ptr());
}

// Tensors stand in for themselves without their Python objects, so that a thread of the library may drop
// them.
Tensor tensor_in(py::handle object, const char* who) {
  if (!is_tensor(object.ptr()))
    fail<TypeError>("{}: expected a Tensor, got {}", who, Py_TYPE(object.ptr())->tp_name);
  const Tensor& t = unwrap(object.ptr());
  check(t.is_contiguous(), "{}: expected a contiguous tensor", who);
  return detached_alias(t);
}
Tensor tensor_out(py::handle object, const char* who) {
  const Tensor t = tensor_in(object, who);
  if (t.storage()) t.storage()->bump_version();
  return t;
}

// Lets an interrupt of the user's through while a call waits.
void check_signals() {
  const WithGil gil;
  if (PyErr_CheckSignals() < 0) throw PythonError{};
}
const std::function<void()> g_poll = check_signals;

// Makes a call, and waits for it unless it is to be asynchronous.
template <class F>
py::object perform(bool async, const F& call) {
  WorkPtr work;
  {
    const WithoutGil unlocked;
    work = call(Communicator::Call{!async, async ? nullptr : &g_poll});
    if (!async) work->wait(kNoTimeout, g_poll);
  }
  return async ? py::cast(work) : py::none();
}

CommunicatorPtr make(const std::string& library, const std::string& name, int rank, int size, int64_t timeout,
                     const py::object& store, const std::string& hosts, const py::object& device) {
  GroupOptions options;
  options.name = name;
  options.rank = rank;
  options.size = size;
  options.timeout = Milliseconds(timeout);
  options.hosts = hosts;
  if (!device.is_none() && !to_device(device.ptr(), options.device))
    fail<TypeError>("init_process_group: expected a device, got {}", Py_TYPE(device.ptr())->tp_name);
  options.exchange.put = [&store](const std::string& key, const std::string& bytes) {
    const py::gil_scoped_acquire gil;
    store.attr("set")(key, py::bytes(bytes));
  };
  options.exchange.get = [&store](const std::string& key) {
    const py::gil_scoped_acquire gil;
    return std::string(py::bytes(store.attr("get")(key)));
  };
  const py::gil_scoped_release unlocked;
  // Its end waits for threads which may want the lock of the interpreter, to let go of an array's memory.
  CommunicatorPtr made = make_communicator(library, options);
  Communicator* address = made.get();
  return {address, [made](Communicator*) mutable {
            if (Py_IsInitialized() && PyGILState_Check()) {
              const WithoutGil released;
              made.reset();
            } else {
              made.reset();
            }
          }};
}

// Numbers of the parameters that no gradient from the outputs reaches.
std::vector<int> unreached(const py::sequence& outputs, const py::sequence& parameters) {
  std::unordered_set<const void*> seen;
  std::vector<Ref<Node>> open;
  const auto visit = [&](const Edge& edge) {
    if (!edge) return;
    if (edge.is_leaf())
      seen.insert(edge.leaf_impl());
    else if (seen.insert(edge.node()).second)
      open.push_back(Ref<Node>::share(edge.node()));
  };
  for (const py::handle output : outputs) visit(gradient_edge(tensor_arg(output)));
  while (!open.empty()) {
    const Ref<Node> node = std::move(open.back());
    open.pop_back();
    for (const Edge& edge : node->edges()) visit(edge);
  }
  std::vector<int> missing;
  int number = 0;
  for (const py::handle parameter : parameters) {
    if (!seen.contains(tensor_arg(parameter).impl())) missing.push_back(number);
    ++number;
  }
  return missing;
}

}  // namespace

void add_distributed(py::module_& module) {
  py::module_ m = module.def_submodule("_distributed", "Communicators; plait.distributed is made of them.");

  py::class_<Work, WorkPtr>(m, "Work")
      .def(
          "wait",
          [](Work& work, std::optional<double> seconds) {
            const WithoutGil unlocked;
            work.wait(seconds ? Milliseconds(static_cast<int64_t>(*seconds * 1000)) : kNoTimeout, g_poll);
          },
          py::arg("seconds") = py::none())
      .def("is_completed", &Work::is_completed)
      .def("failure",
           [](Work& work) -> py::object {
             const std::exception_ptr failure = work.failure();
             if (!failure) return py::none();
             try {
               std::rethrow_exception(failure);
             } catch (const std::exception& error) {
               return py::str(error.what());
             } catch (...) {
               return py::str("interrupted");
             }
           })
      .def("source", &Work::source);

  using C = Communicator;
  py::class_<C, CommunicatorPtr>(m, "Communicator")
      .def_property_readonly("rank", &C::rank)
      .def_property_readonly("size", &C::size)
      .def_property_readonly("library", &C::library)
      .def("all_reduce",
           [](C& c, const py::sequence& tensors, int reduction, bool async) {
             std::vector<Tensor> list;
             for (const py::handle t : tensors) list.push_back(tensor_out(t, "all_reduce"));
             return perform(async, [&](const C::Call& call) {
               return c.all_reduce(std::move(list), static_cast<Reduction>(reduction), call);
             });
           })
      .def("reduce",
           [](C& c, py::handle tensor, int root, int reduction, bool async) {
             const Tensor t = tensor_out(tensor, "reduce");
             return perform(async, [&](const C::Call& call) {
               return c.reduce(t, root, static_cast<Reduction>(reduction), call);
             });
           })
      .def("broadcast",
           [](C& c, py::handle tensor, int root, bool async) {
             const Tensor t =
                 c.rank() == root ? tensor_in(tensor, "broadcast") : tensor_out(tensor, "broadcast");
             return perform(async, [&](const C::Call& call) { return c.broadcast(t, root, call); });
           })
      .def("all_gather",
           [](C& c, py::handle out, py::handle in, bool async) {
             const Tensor to = tensor_out(out, "all_gather"), from = tensor_in(in, "all_gather");
             return perform(async, [&](const C::Call& call) { return c.all_gather(to, from, call); });
           })
      .def("reduce_scatter",
           [](C& c, py::handle out, py::handle in, int reduction, bool async) {
             const Tensor to = tensor_out(out, "reduce_scatter"), from = tensor_in(in, "reduce_scatter");
             return perform(async, [&](const C::Call& call) {
               return c.reduce_scatter(to, from, static_cast<Reduction>(reduction), call);
             });
           })
      .def("all_to_all",
           [](C& c, py::handle out, py::handle in, std::vector<int64_t> out_counts,
              std::vector<int64_t> in_counts, bool async) {
             const Tensor to = tensor_out(out, "all_to_all"), from = tensor_in(in, "all_to_all");
             return perform(async, [&](const C::Call& call) {
               return c.all_to_all(to, from, std::move(out_counts), std::move(in_counts), call);
             });
           })
      .def("transfer",  // [(is it sent, tensor, peer, tag), ...]
           [](C& c, const py::sequence& transfers) {
             std::vector<Transfer> list;
             for (const py::handle item : transfers) {
               const auto t = py::cast<py::tuple>(item);
               const bool send = py::cast<bool>(t[0]);
               list.push_back({send, send ? tensor_in(t[1], "send") : tensor_out(t[1], "recv"),
                               py::cast<int>(t[2]), py::cast<int64_t>(t[3])});
             }
             return perform(true, [&](const C::Call& call) { return c.transfer(std::move(list), call); });
           })
      .def("barrier",
           [](C& c, bool async) {
             return perform(async, [&](const C::Call& call) { return c.barrier(call); });
           })
      .def("abort",
           [](C& c, const std::string& why) {
             const WithoutGil unlocked;
             c.abort(why);
           })
      .def("close", [](C& c) {
        const WithoutGil unlocked;
        c.close();
      });

  m.def("make", &make, py::arg("library"), py::arg("name"), py::arg("rank"), py::arg("size"),
        py::arg("timeout"), py::arg("store"), py::arg("hosts"), py::arg("device"));
  m.def("_unreached", &unreached);
  m.def("has_library", &has_library);
  m.def("library_device",
        [](const std::string& name) { return library_device(name) == DeviceType::CPU ? "cpu" : "cuda"; });
}

}  // namespace plait::python
