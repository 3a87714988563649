// x[i], x[1:3, None, ..., mask] and their assignment. Ints, slices, None and Ellipsis become views, one after
// the other; tensors, lists and arrays are collected for one `index` or `index_put` at the end.
#include "bindings/python.h"
#include "ops/number_fits.h"

namespace plait::python {
namespace {

const auto& select_op() {
  static const auto& op = find_op<Tensor(const Tensor&, int64_t, int64_t)>("select");
  return op;
}
const auto& slice_op() {
  static const auto& op =
      find_op<Tensor(const Tensor&, int64_t, std::optional<int64_t>, std::optional<int64_t>, int64_t)>(
          "slice");
  return op;
}
const auto& unsqueeze_op() {
  static const auto& op = find_op<Tensor(const Tensor&, int64_t)>("unsqueeze");
  return op;
}
const auto& index_op() {
  static const auto& op = find_op<Tensor(const Tensor&, TensorList)>("index");
  return op;
}
const auto& index_put_op() {
  static const auto& op = find_op<Tensor(const Tensor&, TensorList, const Tensor&, bool)>("index_put");
  return op;
}
const auto& copy_op() {
  static const auto& op = find_op<Tensor(const Tensor&, const Tensor&, bool)>("copy");
  return op;
}

// As Python's slices do, a bound beyond all integers counts as the largest.
std::optional<int64_t> slice_bound(PyObject* object) {
  if (object == Py_None) return std::nullopt;
  int64_t value;
  if (PyLong_Check(object)) {
    int overflow;
    value = PyLong_AsLongLongAndOverflow(object, &overflow);
    return overflow > 0 ? INT64_MAX : overflow < 0 ? INT64_MIN : value;
  }
  if (!to_int(object, value))
    fail<TypeError>("index: slice bounds must be ints, got {}", Py_TYPE(object)->tp_name);
  return value;
}

// What is on the CPU, on the device of `tensor`: lists and arrays index tensors of any device.
Tensor beside(const Tensor& tensor, const Tensor& host) {
  if (!host.is_cpu() || tensor.is_cpu() || tensor.is_meta()) return host;
  const Tensor there = empty_tensor(host.sizes(), host.dtype(), tensor.device());
  copy_into(there, host);
  return there;
}

// How many dimensions of the tensor an index element takes.
int consumed(PyObject* element) {
  if (element == Py_None || element == Py_Ellipsis || PyBool_Check(element)) return 0;
  if (is_tensor(element) &&
      (unwrap(element).dtype() == DType::Bool || unwrap(element).dtype() == DType::UInt8))
    return static_cast<int>(unwrap(element).dim());
  return 1;
}

struct Parsed {
  Tensor view;
  std::vector<Tensor> indices;  // per dimension of `view`; undefined ones take all
  bool advanced = false;
};

Parsed apply(Tensor tensor, PyObject* const* elements, Py_ssize_t count) {
  std::vector<Object> converted(elements ? count : 0);
  int taken = 0, ellipses = 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* element = elements[i];
    int64_t ignored;
    const bool known = element == Py_None || element == Py_Ellipsis || PyBool_Check(element) ||
                       PySlice_Check(element) || is_tensor(element) || to_int(element, ignored);
    // Lists, arrays and other sequences become tensors.
    if (known) {
      converted[i] = Object::borrow(element);
    } else {
      Tensor index = tensor_from_data(element, std::nullopt, false);
      // An empty list is no list of floats: it picks nothing.
      if (index.numel() == 0 && (PyList_Check(element) || PyTuple_Check(element)))
        index = empty_tensor(index.sizes(), DType::Int64);
      converted[i] = Object(checked(wrap(std::move(index))));
    }
    taken += consumed(converted[i].get());
    ellipses += element == Py_Ellipsis;
  }
  if (ellipses > 1) fail<IndexError>("index: an index can have only one ellipsis ('...')");
  if (taken > tensor.dim())
    fail<IndexError>("index: too many indices: {} were given for a {}-dimensional tensor of shape {}", taken,
                     tensor.dim(), tensor.sizes());

  Parsed out{std::move(tensor), {}, false};
  const int skipped = static_cast<int>(out.view.dim()) - taken;
  int64_t d = 0, masked = 0;  // a mask of k dimensions is one entry of the list
  const auto put = [&](const Tensor& index) {
    out.advanced = true;
    while (static_cast<int64_t>(out.indices.size()) < d - masked) out.indices.emplace_back();
    out.indices.push_back(beside(out.view, index));
  };
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* element = converted[i].get();
    int64_t integer;
    if (element == Py_None) {
      out.view = unsqueeze_op()(out.view, d++);
    } else if (element == Py_Ellipsis) {
      d += skipped;
    } else if (PyBool_Check(element)) {
      out.view = unsqueeze_op()(out.view, d);
      // A 0-d mask picks the new dimension or none of it.
      put(unsqueeze_op()(scalar_tensor(element == Py_True, DType::Bool), 0));
      ++d;
    } else if (PySlice_Check(element)) {
      auto* slice = reinterpret_cast<PySliceObject*>(element);
      const auto start = slice_bound(slice->start), stop = slice_bound(slice->stop),
                 step = slice_bound(slice->step);
      if (step && *step <= 0)
        fail<ValueError>("index: slice steps must be positive, got {}; use .flip(dim) to reverse", *step);
      if (start || stop || (step && *step != 1))
        out.view = slice_op()(out.view, d, start, stop, step.value_or(1));
      ++d;
    } else if (!is_tensor(element) && to_int(element, integer)) {
      out.view = select_op()(out.view, d, integer);
    } else {
      const Tensor& index = unwrap(element);
      if (index.dim() == 0 && is_integral(index.dtype()) && index.dtype() != DType::UInt8) {
        if (index.is_batched()) {  // another place for each entry
          put(index);
          ++d;
          continue;
        }
        out.view = select_op()(out.view, d, item(index).to<int64_t>());
        continue;
      }
      if (index.dim() == 0 && (index.dtype() == DType::Bool || index.dtype() == DType::UInt8)) {
        out.view = unsqueeze_op()(out.view, d);  // as a bool
        put(unsqueeze_op()(index, 0));
        ++d;
        continue;
      }
      if (!is_integral(index.dtype(), true))
        fail<IndexError>(
            "index: tensors used as indices must be of an integer dtype or bool, got {}; convert with "
            ".long()",
            index.dtype());
      put(index);
      d += consumed(element);
      masked += consumed(element) - 1;
    }
  }
  return out;
}

// A list that holds what no tensor can: x[[slice(0, 2), 1]] is x[0:2, 1].
bool is_list_of_indices(PyObject* index) {
  if (!PyList_Check(index) || PyList_GET_SIZE(index) >= 32) return false;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(index); ++i) {
    PyObject* item = PyList_GET_ITEM(index, i);
    if (PySlice_Check(item) || item == Py_None || item == Py_Ellipsis || is_tensor(item)) return true;
  }
  return false;
}

Parsed parse(PyObject* self, PyObject* index) {
  if (is_list_of_indices(index)) {
    const Object tuple(checked(PyList_AsTuple(index)));
    return apply(unwrap(self), &PyTuple_GET_ITEM(tuple.get(), 0), PyTuple_GET_SIZE(tuple.get()));
  }
  if (PyTuple_Check(index)) return apply(unwrap(self), &PyTuple_GET_ITEM(index, 0), PyTuple_GET_SIZE(index));
  return apply(unwrap(self), &index, 1);
}

}  // namespace

PyObject* tensor_getitem(PyObject* self, PyObject* index) {
  return guarded([&]() -> PyObject* {
    int64_t integer;
    if (PyLong_CheckExact(index) && to_int(index, integer)) {  // x[0], the hottest
      const Tensor& t = unwrap(self);
      if (t.dim() == 0)
        fail<IndexError>("index: a 0-d tensor cannot be indexed with an int; use .item() for its value");
      return wrap(select_op()(t, 0, integer));
    }
    Parsed parsed = parse(self, index);
    if (parsed.advanced) {
      WithoutGil unlocked(parsed.view.numel() > 32768);
      parsed.view = index_op()(parsed.view, parsed.indices);
    } else if (parsed.view.same(unwrap(self))) {
      static const auto& alias = find_op<Tensor(const Tensor&)>("alias");
      parsed.view = alias(parsed.view);  // x[...] is a new tensor
    }
    return wrap(std::move(parsed.view));
  });
}

// NumPy's rule: leading dimensions of size 1 in a value, beyond those of where it is written, are dropped.
static Tensor without_leading_ones(const Tensor& value, int64_t dims) {
  if (value.dim() <= dims) return value;
  static const auto& reshape = find_op<Tensor(const Tensor&, IntSpan)>("reshape");
  Dims sizes(value.sizes());
  while (sizes.size() > dims && sizes[0] == 1) sizes.erase(0);
  return reshape(value, sizes);
}

// The dimensions of view[indices].
static int64_t indexed_dims(const Tensor& view, TensorList indices) {
  int64_t rest = view.dim(), together = 0;
  for (const Tensor& index : indices) {
    if (!index.defined()) continue;
    const bool mask = index.dtype() == DType::Bool || index.dtype() == DType::UInt8;
    rest -= mask ? index.dim() : 1;
    together = std::max<int64_t>(together, mask ? 1 : index.dim());
  }
  return rest + together;
}

int tensor_setitem(PyObject* self, PyObject* index, PyObject* value) {
  return guarded([&]() -> int {
    if (!value) fail<TypeError>("a tensor's elements cannot be deleted");
    const Tensor& t = unwrap(self);
    Tensor source;
    if (is_tensor(value))
      source = unwrap(value);
    else if (is_number(value)) {
      const Scalar number = to_scalar(value);
      op::check_number_fits("index assignment", number, t.dtype());
      source = wrapped_scalar(number);
    } else
      source = beside(t, tensor_from_data(value, std::nullopt, false));
    if (!is_complex(t.dtype()) && is_complex(source.dtype()))
      fail<TypeError>("index assignment: a complex value cannot be written into a tensor of dtype {}",
                      t.dtype());
    Parsed parsed = parse(self, index);
    if (parsed.advanced) {
      static const auto& convert = find_op<Tensor(const Tensor&, DType)>("_convert");
      if (source.dtype() != t.dtype()) source = convert(source, t.dtype());
      source = without_leading_ones(source, indexed_dims(parsed.view, parsed.indices));
      index_put_op().inplace(parsed.view, parsed.indices, source, false);
      return 0;
    }
    source = without_leading_ones(source, parsed.view.dim());
    copy_op().inplace(parsed.view, source, false);
    return 0;
  });
}

}  // namespace plait::python
