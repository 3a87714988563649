// The Python type of tensors.
//
// Note [Identity]
// `x.grad is x.grad`, and what a user hangs on a tensor stays on it, as long as anything can see the tensor.
// A TensorImpl points to its Python object, and the object owns the TensorImpl. When the last Python
// reference goes while C++ still holds the tensor (saved for backward, as a .grad, in a list), and the object
// carries something (attributes, weak references, a subclass), then the ownership turns round: the TensorImpl
// keeps the object (`owns_pyobj`) until it is asked for again, or dies. An object that carries nothing is
// just let go and made anew.
#include "bindings/python.h"
#include "core/batch.h"

#include <structmember.h>

namespace plait::python {

PyTypeObject* tensor_type = nullptr;

namespace {

PyTensor* self_of(PyObject* object) { return reinterpret_cast<PyTensor*>(object); }

// Freed objects, kept for the next small result.
constexpr int kFreeMax = 128;
PyTensor* g_free[kFreeMax];
int g_free_count = 0;

PyTensor* allocate_object() {
  PyTensor* self;
  if (g_free_count > 0) {
    self = g_free[--g_free_count];
    Py_INCREF(tensor_type);
    _Py_NewReference(reinterpret_cast<PyObject*>(self));
  } else {
    self = PyObject_GC_New(PyTensor, tensor_type);
    checked(reinterpret_cast<PyObject*>(self));
  }
  self->dict = nullptr;
  self->weakrefs = nullptr;
  return self;
}

bool carries_something(PyTensor* self) {
  return self->weakrefs || Py_TYPE(self) != tensor_type || (self->dict && PyDict_GET_SIZE(self->dict) > 0);
}

// Hands the object over to its tensor. Note [Identity].
bool keep_for_tensor(PyTensor* self) {
  TensorImpl* impl = self->tensor.impl();
  if (!impl || impl->pyobj != self || impl->owns_pyobj || impl->use_count() <= 1 || !carries_something(self))
    return false;
  impl->owns_pyobj = true;
  if (!impl->release()) return true;  // self->tensor stays as a borrowed pointer
  impl->retain();                     // a thread without the GIL has let go of the tensor meanwhile
  impl->owns_pyobj = false;
  return false;
}

// The collector runs a finaliser once in an object's life; we may be kept more than once. The mark is the
// lowest bit of the word before the object in every CPython with a GIL.
void forget_finalized(PyObject* self) {
  if (PyObject_GC_IsFinalized(self)) reinterpret_cast<uintptr_t*>(self)[-1] &= ~uintptr_t{1};
}

void tensor_finalize(PyObject* object) {
  // From the deallocation of a subclass the count is 1; from the collector, which must be free to clear
  // cycles, it is more.
  if (Py_REFCNT(object) != 1) return;
  if (keep_for_tensor(self_of(object))) Py_INCREF(object);
}

void tensor_dealloc(PyObject* object) {
  PyTensor* self = self_of(object);
  const bool exact = Py_TYPE(object) == tensor_type;
  if (exact && carries_something(self) && self->tensor.defined()) {
    Py_SET_REFCNT(object, 1);
    if (keep_for_tensor(self)) return;
    Py_SET_REFCNT(object, 0);
  }
  if (PyObject_GC_IsTracked(object)) PyObject_GC_UnTrack(object);
  if (self->weakrefs) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  if (TensorImpl* impl = self->tensor.impl(); impl && impl->pyobj == self) impl->pyobj = nullptr;
  self->tensor.~Tensor();
  PyTypeObject* type = Py_TYPE(object);
  if (exact && g_free_count < kFreeMax) {
    g_free[g_free_count++] = self;
  } else {
    PyObject_GC_Del(object);
  }
  Py_DECREF(type);
}

// Called when a tensor that kept its Python object dies; perhaps in a thread without the GIL. A weak
// reference may have given the object to somebody, who holds it still: then the ownership turns round once
// more.
bool release_kept_object(TensorImpl* impl) noexcept {
  if (!Py_IsInitialized()) return true;
  WithGil gil;
  PyTensor* self = static_cast<PyTensor*>(impl->pyobj);
  PyObject* object = reinterpret_cast<PyObject*>(self);
  const bool is_held = Py_REFCNT(object) > 1;
  impl->owns_pyobj = false;
  if (is_held) {
    impl->retain();
    forget_finalized(object);
  } else {
    self->tensor.ref().detach();  // it was borrowed
  }
  Py_DECREF(object);
  return !is_held;
}

template <class F>
int visit_hooks(const AutogradMeta* meta, F visit) {
  if (!meta || !meta->hooks) return 0;
  for (const auto& [id, hook] : meta->hooks->grad)
    if (const auto* python = hook.template target<PythonHook>())
      if (const int stop = visit(python->callable.get())) return stop;
  for (const auto& [id, hook] : meta->hooks->post_accumulate)
    if (const auto* python = hook.template target<PythonPostHook>())
      if (const int stop = visit(python->callable.get())) return stop;
  return 0;
}

// The Python objects of leaves that only the history of one tensor keeps: x.y = f(x) is a cycle through it.
// Only nodes with one owner are followed, and not far: most graphs are no part of a cycle. What nodes save is
// left out, since a backward in another thread may let go of it meanwhile.
int visit_leaves(const Node& history, visitproc visit, void* arg) {
  constexpr int kMost = 16;
  const Node* nodes[kMost] = {&history};
  TensorImpl* leaves[kMost];
  uint32_t seen[kMost];
  int node_count = 1, leaf_count = 0;
  for (int n = 0; n < node_count; ++n) {
    for (const Edge& edge : nodes[n]->edges()) {
      if (!edge.is_leaf()) {
        if (edge.node() && edge.node()->use_count() == 1 && node_count < kMost)
          nodes[node_count++] = edge.node();
        continue;
      }
      int at = 0;
      while (at < leaf_count && leaves[at] != edge.leaf_impl()) ++at;
      if (at == kMost) continue;
      if (at == leaf_count) {
        leaves[leaf_count] = edge.leaf_impl();
        seen[leaf_count++] = 0;
      }
      ++seen[at];
    }
  }
  for (int i = 0; i < leaf_count; ++i)
    if (leaves[i]->owns_pyobj && static_cast<uint32_t>(leaves[i]->use_count()) == seen[i])
      Py_VISIT(static_cast<PyObject*>(leaves[i]->pyobj));
  return 0;
}

int tensor_traverse(PyObject* object, visitproc visit, void* arg) {
  PyTensor* self = self_of(object);
  Py_VISIT(Py_TYPE(object));
  Py_VISIT(self->dict);
  const TensorImpl* impl = self->tensor.impl();
  if (!impl || impl->use_count() != 1 || impl->owns_pyobj) return 0;
  const auto* meta = static_cast<const AutogradMeta*>(impl->autograd.get());
  if (!meta) return 0;
  if (const int stop = visit_hooks(meta, [&](PyObject* hook) { return visit(hook, arg); })) return stop;
  if (meta->grad_fn && meta->grad_fn->use_count() == 1) {
    if (PyObject* context = function_context(*meta->grad_fn)) Py_VISIT(context);
    if (const int stop = visit_packed(*meta->grad_fn, visit, arg)) return stop;
    return visit_leaves(*meta->grad_fn, visit, arg);
  }
  return 0;
}

int tensor_clear(PyObject* object) {
  PyTensor* self = self_of(object);
  Py_CLEAR(self->dict);
  TensorImpl* impl = self->tensor.impl();
  if (!impl || impl->use_count() != 1 || !impl->autograd) return 0;
  auto* meta = static_cast<AutogradMeta*>(impl->autograd.get());
  meta->hooks.reset();
  // What else makes cycles is in the history: the context of a custom Function, hooks of saved tensors.
  if (meta->grad_fn && meta->grad_fn->use_count() == 1 &&
      (function_context(*meta->grad_fn) || has_packed(*meta->grad_fn)))
    meta->grad_fn.reset();
  return 0;
}

int tensor_setattro(PyObject* object, PyObject* name, PyObject* value) {
  const int status = PyObject_GenericSetAttr(object, name, value);
  // With attributes of its own it can be part of a cycle, as can a tensor that is one.
  if (status == 0 && self_of(object)->dict) {
    if (!PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
    if (value && is_tensor(value) && !PyObject_GC_IsTracked(value)) PyObject_GC_Track(value);
  }
  return status;
}

PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    // Tensor(data) or Tensor(sizes...), as the old constructors of PyTorch: the default dtype. A subclass
    // without a __new__ of its own comes here too, with whatever its __init__ takes.
    if (type == tensor_type && kwargs && PyDict_GET_SIZE(kwargs) > 0)
      fail<TypeError>("Tensor: takes no keyword arguments; use plait.tensor(data, dtype=..., device=...)");
    const Py_ssize_t n = PyTuple_GET_SIZE(args);
    Tensor tensor;
    int64_t size;
    if (n == 1 && is_tensor(PyTuple_GET_ITEM(args, 0))) {
      tensor = detached_alias(unwrap(PyTuple_GET_ITEM(args, 0)));
    } else if (n == 0) {
      tensor = empty_tensor(Dims{0}, default_dtype());
    } else if (to_int(PyTuple_GET_ITEM(args, 0), size)) {
      Dims sizes;
      for (Py_ssize_t i = 0; i < n; ++i) {
        if (!to_int(PyTuple_GET_ITEM(args, i), size))
          fail<TypeError>("Tensor: expected integers for the sizes");
        sizes.push_back(size);
      }
      tensor = empty_tensor(sizes, default_dtype());
    } else {
      tensor = tensor_from_data(PyTuple_GET_ITEM(args, 0), default_dtype(), true);
    }
    return type == tensor_type ? wrap(std::move(tensor)) : new_subclass_instance(type, std::move(tensor));
  });
}

int tensor_init(PyObject*, PyObject*, PyObject*) { return 0; }

// ---- attributes

template <class F>
PyObject* get(PyObject* object, F f) {
  return guarded([&]() -> PyObject* { return f(unwrap(object)); });
}

PyObject* get_shape(PyObject* o, void*) {
  return get(o, [](const Tensor& t) { return wrap_size(t.sizes()); });
}
PyObject* get_dtype(PyObject* o, void*) { return wrap(unwrap(o).dtype()); }
PyObject* get_device(PyObject* o, void*) {
  return get(o, [](const Tensor& t) { return wrap(t.device()); });
}
PyObject* get_ndim(PyObject* o, void*) { return PyLong_FromLongLong(unwrap(o).dim()); }
PyObject* get_itemsize(PyObject* o, void*) { return PyLong_FromLongLong(itemsize(unwrap(o).dtype())); }
PyObject* get_nbytes(PyObject* o, void*) { return PyLong_FromLongLong(unwrap(o).nbytes()); }
PyObject* get_requires_grad(PyObject* o, void*) {
  return get(o, [](const Tensor& t) { return PyBool_FromLong(requires_grad(t)); });
}
int set_requires_grad_attr(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    const int on = value ? PyObject_IsTrue(value) : 0;
    checked(on);
    set_requires_grad(unwrap(o), on);
    return 0;
  });
}
PyObject* get_is_leaf(PyObject* o, void*) {
  return get(o, [](const Tensor& t) { return PyBool_FromLong(is_leaf(t)); });
}
PyObject* get_grad_fn(PyObject* o, void*) {
  return get(o, [](const Tensor& t) { return wrap_node(grad_fn(t)); });
}
PyObject* get_grad(PyObject* o, void*) {
  return get(o, [](const Tensor& t) {
    const AutogradMeta* meta = autograd_meta(t);
    if (meta && meta->grad_fn && !meta->retains_grad && !meta->grad.defined() &&
        PyErr_WarnEx(PyExc_UserWarning,
                     "the .grad of a tensor that is not a leaf is asked for: backward() fills it only after "
                     ".retain_grad()",
                     1) < 0)
      throw PythonError{};
    return wrap(meta ? meta->grad : Tensor());
  });
}
int set_grad(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    const Tensor& t = unwrap(o);
    if (!value || value == Py_None) {
      if (AutogradMeta* meta = autograd_meta(t)) meta->grad = Tensor();
      return 0;
    }
    if (!is_tensor(value))
      fail<TypeError>("grad: expected a Tensor or None, got {}", Py_TYPE(value)->tp_name);
    const Tensor& grad = unwrap(value);
    check<RuntimeError>(!grad.same(t), "grad: a tensor cannot be its own gradient");
    check<RuntimeError>(grad.sizes() == t.sizes(), "grad: expected a gradient of shape {}, got {}", t.sizes(),
                        grad.sizes());
    check<RuntimeError>(grad.dtype() == t.dtype() && grad.device() == t.device(),
                        "grad: expected a gradient of dtype {} on {}, got {} on {}", t.dtype(), t.device(),
                        grad.dtype(), grad.device());
    ensure_autograd_meta(t).grad = grad;
    return 0;
  });
}
PyObject* get_data(PyObject* o, void*) {
  return get(o, [](const Tensor& t) {
    // Writes to .data do not count as mutations, so it has a version counter of its own: a storage that
    // shares the bytes.
    auto* keep = new Storage(t.storage());
    if (!t.storage() || t.is_batched()) {
      delete keep;
      return wrap(detached_alias(t));
    }
    t.storage()->let_out();
    auto storage = Storage::adopt(new StorageImpl(
        t.storage()->data(), t.storage()->bytes(), t.device(),
        [](void* s) { delete static_cast<Storage*>(s); }, keep));
    return wrap(from_storage(std::move(storage), t.dtype(), t.sizes(), t.strides(), t.storage_offset()));
  });
}
int set_data_attr(PyObject* o, PyObject* value, void*) {
  return guarded([&] {
    if (!value || !is_tensor(value)) fail<TypeError>("data: expected a Tensor");
    set_data(unwrap(o), unwrap(value));
    return 0;
  });
}
PyObject* get_version(PyObject* o, void*) { return PyLong_FromUnsignedLong(unwrap(o).version()); }
PyObject* get_base(PyObject* o, void*) {
  return get(o, [](const Tensor& t) { return wrap(t.impl()->view ? t.impl()->view->base : Tensor()); });
}
PyObject* get_retains_grad(PyObject* o, void*) {
  return get(o, [](const Tensor& t) {
    const AutogradMeta* meta = autograd_meta(t);
    return PyBool_FromLong(meta && meta->retains_grad);
  });
}
PyObject* get_output_nr(PyObject* o, void*) {
  return get(o, [](const Tensor& t) {
    const AutogradMeta* meta = autograd_meta(t);
    return PyLong_FromLong(meta ? meta->output : 0);
  });
}
PyObject* get_is_cpu(PyObject* o, void*) { return PyBool_FromLong(unwrap(o).is_cpu()); }
PyObject* get_is_cuda(PyObject* o, void*) {
  return PyBool_FromLong(unwrap(o).device().type == DeviceType::CUDA);
}
PyObject* get_is_meta(PyObject* o, void*) { return PyBool_FromLong(unwrap(o).is_meta()); }
PyObject* get_false(PyObject*, void*) { Py_RETURN_FALSE; }

PyGetSetDef getset[] = {
    {"shape", get_shape, nullptr, "The sizes, as a plait.Size.", nullptr},
    {"dtype", get_dtype, nullptr, "The element type.", nullptr},
    {"device", get_device, nullptr, "Where the data lives.", nullptr},
    {"ndim", get_ndim, nullptr, "The number of dimensions.", nullptr},
    {"itemsize", get_itemsize, nullptr, "Bytes of an element.", nullptr},
    {"nbytes", get_nbytes, nullptr, "Bytes of all elements.", nullptr},
    {"requires_grad", get_requires_grad, set_requires_grad_attr, "Are gradients recorded for this tensor?",
     nullptr},
    {"is_leaf", get_is_leaf, nullptr, "Was it made by the user rather than by a recorded op?", nullptr},
    {"grad_fn", get_grad_fn, nullptr, "The node that recorded how it was made, or None.", nullptr},
    {"grad", get_grad, set_grad, "The accumulated gradient, or None.", nullptr},
    {"data", get_data, set_data_attr, "An alias without history, whose writes do not count as mutations.",
     nullptr},
    {"_version", get_version, nullptr, "How often the storage was written in place.", nullptr},
    {"_base", get_base, nullptr, "The tensor that this one is a view of, or None.", nullptr},
    {"retains_grad", get_retains_grad, nullptr, "Is the gradient of this non-leaf kept?", nullptr},
    {"output_nr", get_output_nr, nullptr, "Which result of grad_fn it is.", nullptr},
    {"is_cpu", get_is_cpu, nullptr, "Is it on the CPU?", nullptr},
    {"is_cuda", get_is_cuda, nullptr, "Is it on a CUDA device?", nullptr},
    {"is_meta", get_is_meta, nullptr, "Is it on the meta device (shape only)?", nullptr},
    {"is_sparse", get_false, nullptr, "False: plait's tensors are dense.", nullptr},
    {"is_quantized", get_false, nullptr, "False.", nullptr},
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

// ---- methods

PyObject* sizes_or_one(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names, bool stride) {
  return guarded([&]() -> PyObject* {
    const Tensor& t = unwrap(o);
    const Py_ssize_t all = n + (names ? PyTuple_GET_SIZE(names) : 0);
    const Dims& dims = stride ? t.strides() : t.sizes();
    if (all == 0 || args[0] == Py_None) {
      if (!stride) return wrap_size(dims);
      Object tuple(checked(PyTuple_New(dims.size())));
      for (int i = 0; i < dims.size(); ++i)
        PyTuple_SET_ITEM(tuple.get(), i, checked(PyLong_FromLongLong(dims[i])));
      return tuple.release();
    }
    int64_t d;
    if (all != 1 || !to_int(args[0], d))
      fail<TypeError>("{}: expected one int for 'dim'", stride ? "stride" : "size");
    return PyLong_FromLongLong(dims[wrap_dim(d, t.dim(), stride ? "stride" : "size")]);
  });
}
PyObject* size(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return sizes_or_one(o, args, n, names, false);
}
PyObject* stride(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return sizes_or_one(o, args, n, names, true);
}
PyObject* dim(PyObject* o, PyObject*) { return PyLong_FromLongLong(unwrap(o).dim()); }
PyObject* numel(PyObject* o, PyObject*) { return PyLong_FromLongLong(unwrap(o).numel()); }
PyObject* data_ptr(PyObject* o, PyObject*) {
  return get(o, [](const Tensor& t) {
    refuse_batched(t, "data_ptr");
    if (t.storage()) t.storage()->let_out();
    return PyLong_FromVoidPtr(t.data_ptr());
  });
}
PyObject* storage_offset(PyObject* o, PyObject*) { return PyLong_FromLongLong(unwrap(o).storage_offset()); }
PyObject* element_size(PyObject* o, PyObject*) { return PyLong_FromLongLong(itemsize(unwrap(o).dtype())); }
PyObject* is_floating_point(PyObject* o, PyObject*) {
  return PyBool_FromLong(is_floating(unwrap(o).dtype()));
}
PyObject* is_complex_method(PyObject* o, PyObject*) { return PyBool_FromLong(is_complex(unwrap(o).dtype())); }
PyObject* get_device_index(PyObject* o, PyObject*) {
  return PyLong_FromLong(unwrap(o).is_cpu() ? -1 : unwrap(o).device().index);
}
PyObject* item_method(PyObject* o, PyObject*) {
  return get(o, [](const Tensor& t) { return wrap_scalar(item_without_gil(t)); });
}
PyObject* retain_grad_method(PyObject* o, PyObject*) {
  return get(o, [](const Tensor& t) {
    retain_grad(t);
    return Py_NewRef(Py_None);
  });
}
PyObject* detach_inplace_method(PyObject* o, PyObject*) {
  return get(o, [&](const Tensor& t) {
    detach_inplace(t);
    return Py_NewRef(o);
  });
}
PyObject* requires_grad_inplace(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return get(o, [&](const Tensor& t) {
    const Py_ssize_t all = n + (names ? PyTuple_GET_SIZE(names) : 0);
    int on = 1;
    if (all > 0) checked(on = PyObject_IsTrue(args[0]));
    set_requires_grad(t, on);
    return Py_NewRef(o);
  });
}
PyObject* is_contiguous_method(PyObject* o, PyObject* const* args, Py_ssize_t n, PyObject* names) {
  return get(o, [&](const Tensor& t) -> PyObject* {
    MemoryFormat format = MemoryFormat::Contiguous;
    if (n + (names ? PyTuple_GET_SIZE(names) : 0) > 0 && !to_memory_format(args[0], format))
      fail<TypeError>("is_contiguous: expected a plait memory format, got {}", Py_TYPE(args[0])->tp_name);
    return PyBool_FromLong(t.is_contiguous(format));
  });
}

void nested_list(const Tensor& t, char* data, int d, PyObject** out) {
  if (d == t.dim()) {
    *out = visit_stored(t.dtype(), [&]<class T>() {
      // Bytes from elsewhere may hold other truths than 1.
      if constexpr (std::is_same_v<T, bool>)
        return wrap_scalar(Scalar(*data != 0));
      else
        return wrap_scalar(Scalar(*reinterpret_cast<const T*>(data)));
    });
    return;
  }
  Object list(checked(PyList_New(t.sizes()[d])));
  for (int64_t i = 0; i < t.sizes()[d]; ++i) {
    PyObject* element = nullptr;
    nested_list(t, t.numel() ? data + i * t.strides()[d] * itemsize(t.dtype()) : data, d + 1, &element);
    PyList_SET_ITEM(list.get(), i, checked(element));
  }
  *out = list.release();
}
PyObject* tolist(PyObject* o, PyObject*) {
  return get(o, [](const Tensor& t) {
    refuse_batched(t, "tolist");
    check<RuntimeError>(!t.is_meta(), "tolist: a tensor on the meta device holds no data");
    Tensor host = t;
    if (!t.is_cpu()) {
      WithoutGil unlocked;
      host = empty_tensor(t.sizes(), t.dtype());
      copy_into(host, detached_alias(t));
    }
    PyObject* out = nullptr;
    nested_list(host, host.data<char>(), 0, &out);
    return out;
  });
}

PyObject* sizeof_method(PyObject* o, PyObject*) {
  return PyLong_FromSsize_t(static_cast<Py_ssize_t>(sizeof(PyTensor) + sizeof(TensorImpl)) +
                            unwrap(o).nbytes());
}

#define FAST(f) reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(f)), METH_FASTCALL | METH_KEYWORDS
PyMethodDef methods[] = {
    {"size", FAST(size), "size(dim=None): the sizes, or that of one dimension."},
    {"stride", FAST(stride), "stride(dim=None): the strides in elements, or that of one dimension."},
    {"dim", dim, METH_NOARGS, "The number of dimensions."},
    {"numel", numel, METH_NOARGS, "The number of elements."},
    {"nelement", numel, METH_NOARGS, "The number of elements."},
    {"data_ptr", data_ptr, METH_NOARGS, "The address of the first element."},
    {"storage_offset", storage_offset, METH_NOARGS,
     "The offset of the first element in the storage, in elements."},
    {"element_size", element_size, METH_NOARGS, "Bytes of an element."},
    {"is_floating_point", is_floating_point, METH_NOARGS, "Is the dtype a floating one?"},
    {"is_complex", is_complex_method, METH_NOARGS, "Is the dtype a complex one?"},
    {"get_device", get_device_index, METH_NOARGS, "The index of the CUDA device, -1 on the CPU."},
    {"item", item_method, METH_NOARGS, "The only element, as a Python number."},
    {"tolist", tolist, METH_NOARGS, "The elements as nested lists."},
    {"retain_grad", retain_grad_method, METH_NOARGS, "Keeps the gradient of a non-leaf in .grad."},
    {"detach_", detach_inplace_method, METH_NOARGS, "Drops the history in place."},
    {"requires_grad_", FAST(requires_grad_inplace),
     "requires_grad_(requires_grad=True): records gradients from here on; returns self."},
    {"is_contiguous", FAST(is_contiguous_method), "is_contiguous(memory_format=plait.contiguous_format)"},
    {"__sizeof__", sizeof_method, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};
#undef FAST

PyMemberDef members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
                         {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
                         {nullptr, 0, 0, 0, nullptr}};

Py_ssize_t tensor_length(PyObject* o) {
  return guarded([&]() -> Py_ssize_t {
    const Tensor& t = unwrap(o);
    check<TypeError>(t.dim() > 0, "len: a 0-d tensor has no length; use .item() for its value");
    return t.sizes()[0];
  });
}
PyObject* tensor_sequence_item(PyObject* o, Py_ssize_t i) {
  Object index(PyLong_FromSsize_t(i));
  return index ? tensor_getitem(o, index.get()) : nullptr;
}
Py_hash_t tensor_hash(PyObject* o) { return static_cast<Py_hash_t>(reinterpret_cast<uintptr_t>(o) >> 4); }

}  // namespace

PyObject* wrap(Tensor tensor) {
  if (!tensor.defined()) return Py_NewRef(Py_None);
  TensorImpl* impl = tensor.impl();
  if (impl->pyobj) {
    auto* object = static_cast<PyObject*>(impl->pyobj);
    if (!impl->owns_pyobj) return Py_NewRef(object);
    impl->owns_pyobj = false;  // the object owns the tensor again, and the caller the object
    impl->retain();
    forget_finalized(object);
    return object;
  }
  impl->wrapped_number = false;
  PyTensor* self = allocate_object();
  new (&self->tensor) Tensor(std::move(tensor));
  impl->pyobj = self;
  if (impl->autograd) {
    const auto* meta = static_cast<const AutogradMeta*>(impl->autograd.get());
    if (meta->hooks || (meta->grad_fn && (meta->grad_fn->payload || context().saved_hooks)))
      PyObject_GC_Track(reinterpret_cast<PyObject*>(self));
  }
  return reinterpret_cast<PyObject*>(self);
}

PyObject* new_subclass_instance(PyTypeObject* type, Tensor tensor) {
  PyObject* object = checked(type->tp_alloc(type, 0));
  PyTensor* self = self_of(object);
  new (&self->tensor) Tensor(std::move(tensor));
  // One Python object to a tensor: where it has one already, an alias of it.
  if (self->tensor.impl()->pyobj) self->tensor = detached_alias(self->tensor);
  self->tensor.impl()->wrapped_number = false;
  self->tensor.impl()->pyobj = self;
  return object;
}

Scalar item_without_gil(const Tensor& tensor) {
  WithoutGil unlocked(!tensor.is_cpu());
  return item(tensor);
}

PyTypeObject* make_tensor_type(PyObject* module) {
  static std::vector<PyType_Slot> slots = {
      {Py_tp_new, reinterpret_cast<void*>(tensor_new)},
      {Py_tp_init, reinterpret_cast<void*>(tensor_init)},
      {Py_tp_dealloc, reinterpret_cast<void*>(tensor_dealloc)},
      {Py_tp_finalize, reinterpret_cast<void*>(tensor_finalize)},
      {Py_tp_traverse, reinterpret_cast<void*>(tensor_traverse)},
      {Py_tp_clear, reinterpret_cast<void*>(tensor_clear)},
      {Py_tp_setattro, reinterpret_cast<void*>(tensor_setattro)},
      {Py_tp_richcompare, reinterpret_cast<void*>(tensor_richcompare)},
      {Py_tp_hash, reinterpret_cast<void*>(tensor_hash)},
      {Py_tp_getset, getset},
      {Py_tp_methods, methods},
      {Py_tp_members, members},
      {Py_mp_length, reinterpret_cast<void*>(tensor_length)},
      {Py_mp_subscript, reinterpret_cast<void*>(tensor_getitem)},
      {Py_mp_ass_subscript, reinterpret_cast<void*>(tensor_setitem)},
      {Py_sq_length, reinterpret_cast<void*>(tensor_length)},
      {Py_sq_item, reinterpret_cast<void*>(tensor_sequence_item)},
      {Py_bf_getbuffer, reinterpret_cast<void*>(tensor_getbuffer)},
      {Py_bf_releasebuffer, reinterpret_cast<void*>(tensor_releasebuffer)},
      {Py_tp_doc, const_cast<char*>("A tensor: an n-dimensional array of one dtype on one device.")}};
  add_number_slots(slots);
  slots.push_back({0, nullptr});
  static PyType_Spec spec = {"plait.Tensor", sizeof(PyTensor), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  auto* type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  TensorImpl::release_pyobj = release_kept_object;
  tensor_type = type;
  PyModule_AddObjectRef(module, "Tensor", reinterpret_cast<PyObject*>(type));
  return type;
}

}  // namespace plait::python
