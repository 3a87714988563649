// Data from Python and back: nested lists, the buffer protocol, NumPy arrays without a copy.
#include <cstring>

#include "bindings/python.h"
#include "core/alignment.h"
#include "core/batch.h"
#include "ops/cpu/convert.h"

namespace plait::python {
namespace {

// ---- formats of the buffer protocol

constexpr const char* kFormats[kDTypeCount] = {"?",     "B", "b", "h",  "i",  "q",     "e",
                                               nullptr, "f", "d", "Zf", "Zd", nullptr, nullptr};

std::optional<DType> dtype_of_format(const char* format, Py_ssize_t size) {
  std::string_view f(format ? format : "B");
  if (!f.empty() && (f[0] == '@' || f[0] == '=' || f[0] == '<')) f.remove_prefix(1);
  if (f == "?") return DType::Bool;
  if (f == "Zf") return DType::Complex64;
  if (f == "Zd") return DType::Complex128;
  if (f.size() != 1) return std::nullopt;
  switch (f[0]) {
    case 'B': return DType::UInt8;
    case 'b': return DType::Int8;
    case 'h': return DType::Int16;
    case 'i':
    case 'l':
    case 'q': return size == 4 ? DType::Int32 : DType::Int64;
    case 'e': return DType::Float16;
    case 'f': return DType::Float32;
    case 'd': return DType::Float64;
    default: return std::nullopt;
  }
}

// ---- nested sequences

bool is_sequence(PyObject* object) {
  return PyList_Check(object) || PyTuple_Check(object) ||
         (PySequence_Check(object) && !PyUnicode_Check(object) && !PyBytes_Check(object) &&
          !is_tensor(object) && !is_number(object));
}
bool is_buffer(PyObject* object) {
  return PyObject_CheckBuffer(object) && !is_number(object) && !PyBytes_Check(object);
}

// The sizes of nested sequences, by the first element of each.
void measure(PyObject* object, Dims& sizes, int depth) {
  if (depth > kMaxDims) fail<ValueError>("tensor: the data are nested more than {} deep", kMaxDims);
  if (is_tensor(object)) {
    for (const int64_t size : unwrap(object).sizes()) sizes.push_back(size);
    return;
  }
  if (is_number(object)) return;
  if (!is_sequence(object))
    fail<TypeError>("tensor: expected numbers, or nested sequences of them, got {}",
                    Py_TYPE(object)->tp_name);
  Object fast(checked(PySequence_Fast(object, "tensor: expected a sequence")));
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.get());
  sizes.push_back(n);
  if (n > 0) measure(PySequence_Fast_GET_ITEM(fast.get(), 0), sizes, depth + 1);
}

// The dtype of a number as an element: NumPy's scalars have one of their own, of which plait may have none.
DType dtype_of_number(PyObject* object) {
  const bool plain = PyFloat_CheckExact(object) || PyLong_Check(object) || PyComplex_CheckExact(object);
  Py_buffer view;
  if (!plain && PyObject_GetBuffer(object, &view, PyBUF_FULL_RO) == 0) {
    const std::optional<DType> dtype = dtype_of_format(view.format, view.itemsize);
    PyBuffer_Release(&view);
    if (dtype) return *dtype;
  }
  PyErr_Clear();
  return to_scalar(object).dtype();
}

// The smallest dtype that holds all elements; none where there are no elements.
void collect_types(PyObject* object, std::optional<DType>& type, int depth = 0) {
  const auto add = [&](DType dtype) {
    if (type != dtype) type = type ? promote(*type, dtype) : dtype;
  };
  if (is_number(object)) return add(dtype_of_number(object));
  if (is_tensor(object)) return add(unwrap(object).dtype());
  if (is_buffer(object)) return add(tensor_from_buffer(object, true).dtype());
  // What is neither a number nor a list of them (text, say) is refused when the values are taken.
  if (!is_sequence(object)) return;
  if (depth > kMaxDims) fail<ValueError>("tensor: the data are nested more than {} deep", kMaxDims);
  Object fast(checked(PySequence_Fast(object, "tensor: expected a sequence")));
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(fast.get()); ++i)
    collect_types(PySequence_Fast_GET_ITEM(fast.get(), i), type, depth + 1);
}

[[noreturn]] void ragged(int64_t expected, int depth, std::string_view got) {
  fail<ValueError>(
      "tensor: expected a sequence of length {} at dimension {}, got {}; all rows must have one length",
      expected, depth, got);
}

template <class T>
void fill(PyObject* object, const Dims& sizes, int depth, T*& out) {
  if (depth == sizes.size()) {
    if (PyFloat_CheckExact(object)) {
      *out++ = Scalar(PyFloat_AS_DOUBLE(object)).to<T>();
      return;
    }
    if (is_tensor(object)) {
      if (unwrap(object).numel() != 1)
        ragged(1, depth, message("a tensor of shape {}", unwrap(object).sizes()));
      *out++ = item(unwrap(object)).to<T>();
      return;
    }
    if (is_numpy_array(object)) {
      const Tensor one = tensor_from_buffer(object, true);
      if (one.dim() > 0) ragged(1, depth, message("an array of shape {}", one.sizes()));
      *out++ = item(one).to<T>();
      return;
    }
    if (!is_number(object))
      fail<ValueError>("tensor: expected a number at dimension {}, got {}", depth, Py_TYPE(object)->tp_name);
    const Scalar value = to_scalar(object);
    if (std::is_integral_v<T> && !std::is_same_v<T, bool> && value.is_integral() && !value.fits(dtype_of<T>))
      fail<ValueError>("tensor: the value {} does not fit into dtype {}", value.to<int64_t>(), dtype_of<T>);
    *out++ = value.to<T>();
    return;
  }
  if (is_tensor(object)) {
    const Tensor& t = unwrap(object);
    if (!same(t.sizes(), IntSpan(sizes).subspan(depth)))
      ragged(sizes[depth], depth, message("a tensor of shape {}", t.sizes()));
    const Tensor part = empty_tensor(t.sizes(), dtype_of<T>);
    copy_into(part, detached_alias(t));
    std::memcpy(static_cast<void*>(out), part.data_ptr(), part.nbytes());
    out += part.numel();
    return;
  }
  if (!is_sequence(object)) ragged(sizes[depth], depth, Py_TYPE(object)->tp_name);
  Object fast(checked(PySequence_Fast(object, "tensor: expected a sequence")));
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(fast.get());
  if (n != sizes[depth]) ragged(sizes[depth], depth, message("length {}", static_cast<int64_t>(n)));
  for (Py_ssize_t i = 0; i < n; ++i) fill(PySequence_Fast_GET_ITEM(fast.get(), i), sizes, depth + 1, out);
}

// ---- buffers handed out

struct BufferShape {  // kept for the length of an export
  std::vector<Py_ssize_t> sizes, strides;
  Storage storage;
};

}  // namespace

Tensor tensor_from_buffer(PyObject* array, bool copy) {
  auto* view = new Py_buffer;
  if (PyObject_GetBuffer(array, view, copy ? PyBUF_FULL_RO : PyBUF_FULL) < 0) {
    PyErr_Clear();
    if (PyObject_GetBuffer(array, view, PyBUF_FULL_RO) < 0) {
      delete view;
      if (!PyErr_ExceptionMatches(PyExc_ValueError)) throw PythonError{};
      PyErr_Clear();  // NumPy's dates have no format
      fail<TypeError>("from_numpy: {} of this dtype has no plait dtype; convert it with .astype",
                      Py_TYPE(array)->tp_name);
    }
    if (PyErr_WarnEx(PyExc_UserWarning,
                     "from_numpy: the array is read-only, which plait tensors do not know: writing to the "
                     "tensor writes into it; copy the array first",
                     1) < 0) {
      PyBuffer_Release(view);
      delete view;
      throw PythonError{};
    }
  }
  const auto release = [](void* context) {
    if (!Py_IsInitialized()) return;
    WithGil gil;
    PyBuffer_Release(static_cast<Py_buffer*>(context));
    delete static_cast<Py_buffer*>(context);
  };
  // From here on the storage gives the buffer back.
  const std::optional<DType> dtype = dtype_of_format(view->format, view->itemsize);
  const std::string format = view->format ? view->format : "B";
  const int n = view->ndim;
  Dims sizes(n, 0), strides(n, 0);
  bool bad_strides = false, negative = false;
  int64_t last = 0;
  int64_t contiguous = view->itemsize;  // ctypes' arrays tell no strides, whoever asks
  for (int i = n - 1; i >= 0; --i) {
    sizes[i] = view->shape ? view->shape[i] : view->len / std::max<int64_t>(view->itemsize, 1);
    const int64_t stride = view->strides ? view->strides[i] : contiguous;
    contiguous *= sizes[i];
    strides[i] = view->itemsize > 0 ? stride / view->itemsize : 0;
    bad_strides |= view->itemsize > 0 && stride % view->itemsize != 0;
    negative |= stride < 0 && sizes[i] > 1;
    if (stride < 0) strides[i] = sizes[i] > 1 ? strides[i] : 1;
    last += (sizes[i] - 1) * strides[i];
  }
  auto storage = Storage::adopt(new StorageImpl(
      view->buf,
      static_cast<size_t>(view->len == 0 ? 0 : std::max<int64_t>((last + 1) * view->itemsize, view->len)),
      kCPU, release, view));
  if (!format.empty() && (format[0] == '>' || format[0] == '!'))
    fail<TypeError>(
        "from_numpy: the array's bytes are in another order than this machine's (format '{}'); convert it "
        "with .astype(array.dtype.newbyteorder('='))",
        format);
  if (!dtype)
    fail<TypeError>(
        "from_numpy: arrays of format '{}' have no plait dtype; convert with .astype to bool, uint8, int8 to "
        "int64, float16 to float64, complex64 or complex128",
        format);
  const bool aligned = is_aligned(view->buf, *dtype);
  if ((negative || !aligned) && copy) {  // a contiguous one can be had
    if (Object same(PyObject_CallMethod(array, "copy", nullptr));
        same && is_buffer(same.get()) && same.get() != array)
      return tensor_from_buffer(same.get(), false);
    PyErr_Clear();
  }
  if (negative)
    fail<ValueError>("from_numpy: negative strides are not supported; copy the array first (array.copy())");
  if (bad_strides)
    fail<ValueError>("from_numpy: the strides are not multiples of the element size; copy the array first");
  if (!aligned && view->len > 0)  // Note [Alignment]
    fail<ValueError>(
        "from_numpy: expected elements of {} at a multiple of {} bytes, got the address {}; copy the array "
        "first",
        *dtype, alignment(*dtype), view->buf);
  Tensor shared = from_storage(std::move(storage), *dtype, sizes, strides, 0);
  return copy ? clone_plain(shared) : shared;
}

Tensor tensor_from_data(PyObject* data, std::optional<DType> dtype, bool copy) {
  const auto finish = [&](const Tensor& t, bool owned) {
    if (dtype && *dtype != t.dtype()) {
      Tensor out = empty_tensor(t.sizes(), *dtype, t.device());
      copy_into(out, t);
      return out;
    }
    return copy && !owned ? clone_plain(t) : t;
  };
  if (is_tensor(data)) {
    const Tensor alias = detached_alias(unwrap(data));
    return copy || (dtype && *dtype != alias.dtype()) ? finish(alias, false) : unwrap(data);
  }
  if (is_number(data)) {
    const Scalar value = to_scalar(data);
    // numpy.float64 is a float, too.
    const bool plain = PyFloat_CheckExact(data) || PyLong_Check(data) || PyComplex_CheckExact(data);
    if (!plain && PyObject_CheckBuffer(data)) return finish(tensor_from_buffer(data, true), true);
    const DType type = dtype.value_or(value.dtype());
    if (value.is_integral() && is_integral(type) && !value.fits(type))
      fail<ValueError>("tensor: the value {} does not fit into dtype {}", value.to<int64_t>(), type);
    return scalar_tensor(value, type);
  }
  if (is_buffer(data)) return finish(tensor_from_buffer(data, copy), copy);
  if (!is_sequence(data)) {
    if (PyObject_HasAttrString(data, "__array__")) {
      Object array(checked(PyObject_CallMethod(data, "__array__", nullptr)));
      return finish(tensor_from_buffer(array.get(), copy), copy);
    }
    fail<TypeError>("tensor: expected a number, a sequence, an array or a tensor, got {}",
                    Py_TYPE(data)->tp_name);
  }
  // Lists of arrays: NumPy knows best how to stack them.
  {
    Object fast(checked(PySequence_Fast(data, "tensor: expected a sequence")));
    if (PySequence_Fast_GET_SIZE(fast.get()) > 0 && is_buffer(PySequence_Fast_GET_ITEM(fast.get(), 0)) &&
        !is_tensor(PySequence_Fast_GET_ITEM(fast.get(), 0))) {
      Object numpy(checked(PyImport_ImportModule("numpy")));
      Object array(checked(PyObject_CallMethod(numpy.get(), "asarray", "O", data)));
      return finish(tensor_from_buffer(array.get(), true), true);
    }
  }
  Dims sizes;
  measure(data, sizes, 0);
  checked_numel(sizes, "tensor");
  if (!dtype) collect_types(data, dtype);
  Tensor out = empty_tensor(sizes, dtype.value_or(default_dtype()));
  visit_stored(out.dtype(), [&]<class T>() {
    T* to = out.data<T>();
    fill<T>(data, sizes, 0, to);
  });
  return out;
}

int tensor_getbuffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  try {
    const Tensor& t = unwrap(self);
    const char* format = kFormats[static_cast<int>(t.dtype())];
    std::string why;
    if (!t.is_cpu())
      why = message("a tensor on {} has no buffer; use .cpu() first", t.device());
    else if (t.requires_grad())
      why =
          "a tensor that requires grad is not handed out, since changes would not be recorded; use .detach()";
    else if (!format)
      why = message("NumPy and the buffer protocol have no {}; use .float() first", t.dtype());
    if (!why.empty()) {
      PyErr_SetString(PyExc_BufferError, why.c_str());
      return -1;
    }
    refuse_batched(t, "numpy");
    auto shape = std::make_unique<BufferShape>();
    for (int i = 0; i < t.dim(); ++i) {
      shape->sizes.push_back(t.sizes()[i]);
      shape->strides.push_back(t.strides()[i] * itemsize(t.dtype()));
    }
    if (!(flags & PyBUF_STRIDES) && !t.is_contiguous()) {
      PyErr_SetString(
          PyExc_BufferError,
          "the tensor is not contiguous, and the consumer cannot take strides; use .contiguous()");
      return -1;
    }
    shape->storage = t.storage();
    if (t.storage()) t.storage()->let_out();
    view->buf = t.data_ptr();
    view->len = t.nbytes();
    view->itemsize = itemsize(t.dtype());
    view->readonly = 0;
    view->ndim = static_cast<int>(t.dim());
    view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format) : nullptr;
    view->shape = flags & PyBUF_ND ? shape->sizes.data() : nullptr;
    view->strides = flags & PyBUF_STRIDES ? shape->strides.data() : nullptr;
    view->suboffsets = nullptr;
    view->internal = shape.release();
    view->obj = Py_NewRef(self);
    return 0;
  } catch (...) {
    set_python_error();
    return -1;
  }
}

void tensor_releasebuffer(PyObject*, Py_buffer* view) { delete static_cast<BufferShape*>(view->internal); }

}  // namespace plait::python
