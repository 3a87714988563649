// dtype, device, memory_format and Size.
#include "bindings/python.h"

namespace plait::python {
namespace {

struct DTypeObject {
  PyObject_HEAD DType value;
};
struct DeviceObject {
  PyObject_HEAD Device value;
};
struct FormatObject {
  PyObject_HEAD MemoryFormat value;
};

PyTypeObject *dtype_type, *device_type, *format_type, *size_type;
PyObject* dtype_objects[kDTypeCount];
PyObject* format_objects[4];
constexpr const char* kFormatNames[] = {"contiguous_format", "preserve_format", "channels_last",
                                        "channels_last_3d"};

// Dtypes that PyTorch has and no tensor of plait: their names are there, for tables of dtypes and
// comparisons, and whoever asks for a tensor of one is told what to take instead. As values they come after
// the real ones.
struct AbsentDType {
  const char *name, *instead;
  int itemsize;
  bool is_floating, is_complex, is_signed;
};
constexpr AbsentDType kAbsent[] = {
    {"uint16", "int32", 2, false, false, false},
    {"uint32", "int64", 4, false, false, false},
    {"uint64", "int64", 8, false, false, false},
    {"complex32", "complex64", 4, false, true, true},
    {"float8_e4m3fnuz", "float8_e4m3fn", 1, true, false, true},
    {"float8_e5m2fnuz", "float8_e5m2", 1, true, false, true},
    {"float8_e8m0fnu", "float8_e5m2", 1, true, false, true},
    {"float4_e2m1fn_x2", "float8_e4m3fn", 1, true, false, true},
    {"qint8", "int8 and a scale of its own", 1, false, false, true},
    {"quint8", "uint8 and a scale of its own", 1, false, false, false},
    {"quint4x2", "uint8 and a scale of its own", 1, false, false, false},
    {"qint32", "int32 and a scale of its own", 4, false, false, true},
};

DType dtype_of_object(PyObject* o) { return reinterpret_cast<DTypeObject*>(o)->value; }
const AbsentDType* absent(PyObject* o) {
  const int i = static_cast<int>(dtype_of_object(o)) - kDTypeCount;
  return i < 0 ? nullptr : &kAbsent[i];
}
Device device_of_object(PyObject* o) { return reinterpret_cast<DeviceObject*>(o)->value; }

PyTypeObject* make_type(PyObject* module, const char* name, const char* full, size_t size,
                        std::vector<PyType_Slot> slots, unsigned flags) {
  slots.push_back({0, nullptr});
  PyType_Spec spec{full, static_cast<int>(size), 0, Py_TPFLAGS_DEFAULT | flags, slots.data()};
  auto* type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpec(&spec)));
  checked(PyModule_AddObjectRef(module, name, reinterpret_cast<PyObject*>(type)));
  return type;
}

PyObject* text(std::string_view s) {
  return PyUnicode_FromStringAndSize(s.data(), static_cast<Py_ssize_t>(s.size()));
}

// dtype
std::string_view dtype_text(PyObject* o) {
  return absent(o) ? std::string_view(absent(o)->name) : name(dtype_of_object(o));
}
PyObject* dtype_repr(PyObject* o) { return text("plait." + std::string(dtype_text(o))); }
PyObject* dtype_reduce(PyObject* o, PyObject*) { return text(dtype_text(o)); }
PyObject* dtype_floating(PyObject* o, void*) {
  return PyBool_FromLong(absent(o) ? absent(o)->is_floating : is_floating(dtype_of_object(o)));
}
PyObject* dtype_complex(PyObject* o, void*) {
  return PyBool_FromLong(absent(o) ? absent(o)->is_complex : is_complex(dtype_of_object(o)));
}
PyObject* dtype_signed(PyObject* o, void*) {
  if (absent(o)) return PyBool_FromLong(absent(o)->is_signed);
  return PyBool_FromLong(dtype_of_object(o) != DType::UInt8 && dtype_of_object(o) != DType::Bool);
}
PyObject* dtype_itemsize(PyObject* o, void*) {
  return PyLong_FromLongLong(absent(o) ? absent(o)->itemsize : itemsize(dtype_of_object(o)));
}
PyObject* dtype_name(PyObject* o, void*) { return text(dtype_text(o)); }
PyGetSetDef dtype_getset[] = {{"is_floating_point", dtype_floating, nullptr, nullptr, nullptr},
                              {"is_complex", dtype_complex, nullptr, nullptr, nullptr},
                              {"is_signed", dtype_signed, nullptr, nullptr, nullptr},
                              {"itemsize", dtype_itemsize, nullptr, nullptr, nullptr},
                              {"name", dtype_name, nullptr, nullptr, nullptr},
                              {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef dtype_methods[] = {{"__reduce__", dtype_reduce, METH_NOARGS, nullptr},
                               {nullptr, nullptr, 0, nullptr}};

// device
PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* names[] = {"type", "index", nullptr};
    PyObject *type, *index = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", const_cast<char**>(names), &type, &index))
      throw PythonError{};
    Device device;
    if (!to_device(type, device))
      fail<TypeError>("device: expected a str such as 'cpu' or 'cuda:0', got {}", Py_TYPE(type)->tp_name);
    int64_t i;
    if (index != Py_None) {
      if (!to_int(index, i) || i < 0 || i > 127) fail<ValueError>("device: expected an index of 0 or more");
      if (device.type != DeviceType::CPU) device.index = static_cast<int8_t>(i);
    }
    return wrap(device);
  });
}
PyObject* device_str(PyObject* o) {
  return guarded([&] { return text(to_string(device_of_object(o))); });
}
PyObject* device_repr(PyObject* o) {
  return guarded([&] {
    const Device d = device_of_object(o);
    const std::string type = to_string({d.type, -1});
    return text(d.index < 0 ? message("device(type='{}')", type)
                            : message("device(type='{}', index={})", type, static_cast<int>(d.index)));
  });
}
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || Py_TYPE(b) != device_type || Py_TYPE(a) != device_type)
    Py_RETURN_NOTIMPLEMENTED;
  return PyBool_FromLong((device_of_object(a) == device_of_object(b)) == (op == Py_EQ));
}
Py_hash_t device_hash(PyObject* o) {
  const Device d = device_of_object(o);
  return static_cast<Py_hash_t>(d.type) * 131 + d.index + 1;
}
PyObject* device_get_type(PyObject* o, void*) {
  return guarded([&] { return text(to_string({device_of_object(o).type, -1})); });
}
PyObject* device_get_index(PyObject* o, void*) {
  const Device d = device_of_object(o);
  return d.index < 0 ? Py_NewRef(Py_None) : PyLong_FromLong(d.index);
}
PyObject* device_reduce(PyObject* o, PyObject*) {
  return Py_BuildValue("(O(N))", reinterpret_cast<PyObject*>(device_type), device_str(o));
}
thread_local Device t_default_device;
// On the heap: thread-local storage is scarce in libraries that are loaded late.
std::vector<Device>& outer_defaults() {
  thread_local std::unique_ptr<std::vector<Device>> devices;
  if (!devices) devices = std::make_unique<std::vector<Device>>();
  return *devices;
}

PyObject* device_enter(PyObject* o, PyObject*) {
  return guarded([&] {
    outer_defaults().push_back(t_default_device);
    t_default_device = device_of_object(o);
    return Py_NewRef(o);
  });
}
PyObject* device_exit(PyObject*, PyObject*) {
  if (!outer_defaults().empty()) {
    t_default_device = outer_defaults().back();
    outer_defaults().pop_back();
  }
  Py_RETURN_NONE;
}
PyGetSetDef device_getset[] = {{"type", device_get_type, nullptr, nullptr, nullptr},
                               {"index", device_get_index, nullptr, nullptr, nullptr},
                               {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMethodDef device_methods[] = {{"__reduce__", device_reduce, METH_NOARGS, nullptr},
                                {"__enter__", device_enter, METH_NOARGS, nullptr},
                                {"__exit__", device_exit, METH_VARARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};

// memory_format
PyObject* format_repr(PyObject* o) {
  return text(std::string("plait.") +
              kFormatNames[static_cast<int>(reinterpret_cast<FormatObject*>(o)->value)]);
}
PyObject* format_reduce(PyObject* o, PyObject*) {
  return text(kFormatNames[static_cast<int>(reinterpret_cast<FormatObject*>(o)->value)]);
}
PyMethodDef format_methods[] = {{"__reduce__", format_reduce, METH_NOARGS, nullptr},
                                {nullptr, nullptr, 0, nullptr}};

// Size
PyObject* size_repr(PyObject* o) {
  std::string out = "plait.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) {
    Object item(PyObject_Repr(PyTuple_GET_ITEM(o, i)));
    if (!item) return nullptr;
    out += (i ? ", " : "") + std::string(PyUnicode_AsUTF8(item.get()));
  }
  return text(out + "])");
}
// A tuple of Python's ints: NumPy's and tensors of one integer become such.
PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    Object size(checked(PyTuple_Type.tp_new(type, args, kwargs)));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(size.get()); ++i) {
      PyObject* item = PyTuple_GET_ITEM(size.get(), i);
      if (PyLong_CheckExact(item)) continue;
      int64_t value = PyBool_Check(item) ? item == Py_True : 0;
      if (!PyBool_Check(item) && !to_int(item, value))
        fail<TypeError>("Size: expected ints, got {} at position {}", Py_TYPE(item)->tp_name,
                        static_cast<int64_t>(i));
      PyObject* number = checked(PyLong_FromLongLong(value));
      PyTuple_SET_ITEM(size.get(), i, number);  // nobody else has the tuple yet
      Py_DECREF(item);
    }
    return size.release();
  });
}
PyObject* size_numel(PyObject* o, PyObject*) {
  int64_t numel = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); ++i) numel *= PyLong_AsLongLong(PyTuple_GET_ITEM(o, i));
  return PyLong_FromLongLong(numel);
}
PyObject* size_from_tuple(PyObject* tuple) {
  if (!tuple || !PyTuple_CheckExact(tuple)) return tuple;
  Object owned(tuple);
  return PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), tuple);
}
PyObject* size_subscript(PyObject* o, PyObject* index) {
  return size_from_tuple(PyTuple_Type.tp_as_mapping->mp_subscript(o, index));
}
PyObject* size_concat(PyObject* a, PyObject* b) {
  Object list(PyList_Check(b) ? PyList_AsTuple(b) : Py_NewRef(b));
  return list ? size_from_tuple(PyTuple_Type.tp_as_sequence->sq_concat(a, list.get())) : nullptr;
}
// A tuple before a Size asks here, and sq_concat only if the Size comes first.
PyObject* size_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !(PyTuple_Check(b) || PyList_Check(b))) return Py_NewRef(Py_NotImplemented);
  return size_concat(a, b);
}
PyObject* size_repeat(PyObject* o, Py_ssize_t count) {
  return size_from_tuple(PyTuple_Type.tp_as_sequence->sq_repeat(o, count));
}
PyObject* size_reduce(PyObject* o, PyObject*) {
  return Py_BuildValue("(O(N))", reinterpret_cast<PyObject*>(size_type),
                       PyTuple_GetSlice(o, 0, PyTuple_GET_SIZE(o)));
}
PyMethodDef size_methods[] = {{"numel", size_numel, METH_NOARGS, "The product of the sizes."},
                              {"__reduce__", size_reduce, METH_NOARGS, nullptr},
                              {nullptr, nullptr, 0, nullptr}};

template <class F>
void* slot(F* f) {
  return reinterpret_cast<void*>(f);
}

}  // namespace

PyObject* wrap(DType dtype) { return Py_NewRef(dtype_objects[static_cast<int>(dtype)]); }
PyObject* wrap(MemoryFormat format) { return Py_NewRef(format_objects[static_cast<int>(format)]); }
PyObject* wrap(Device device) {
  auto* o = reinterpret_cast<DeviceObject*>(checked(device_type->tp_alloc(device_type, 0)));
  o->value = device;
  return reinterpret_cast<PyObject*>(o);
}
PyObject* wrap_size(IntSpan sizes) {
  const auto n = static_cast<Py_ssize_t>(sizes.size());
  PyObject* size = checked(size_type->tp_alloc(size_type, n));
  for (Py_ssize_t i = 0; i < n; ++i) PyTuple_SET_ITEM(size, i, PyLong_FromLongLong(sizes[i]));
  return size;
}

bool to_dtype(PyObject* object, DType& out) {
  if (Py_TYPE(object) == dtype_type) {
    if (const auto* a = absent(object))
      fail<TypeError>("plait has no tensors of dtype {}; use plait.{}", a->name, a->instead);
    out = dtype_of_object(object);
    return true;
  }
  if (object == reinterpret_cast<PyObject*>(&PyFloat_Type))
    out = DType::Float64;  // Python's float has 64 bits
  else if (object == reinterpret_cast<PyObject*>(&PyLong_Type))
    out = DType::Int64;
  else if (object == reinterpret_cast<PyObject*>(&PyBool_Type))
    out = DType::Bool;
  else if (object == reinterpret_cast<PyObject*>(&PyComplex_Type))
    out = DType::Complex128;
  else
    return false;
  return true;
}

bool to_device(PyObject* object, Device& out) {
  if (Py_TYPE(object) == device_type) {
    out = device_of_object(object);
    return true;
  }
  if (PyUnicode_Check(object)) {
    Py_ssize_t n;
    const char* chars = PyUnicode_AsUTF8AndSize(object, &n);
    checked(chars ? 0 : -1);
    out = parse_device({chars, static_cast<size_t>(n)});
    return true;
  }
  if (PyLong_CheckExact(object)) {  // an index alone means a CUDA device
    const long index = PyLong_AsLong(object);
    if (index < 0 || index > 127) fail<ValueError>("device: expected an index of 0 or more, got {}", index);
    out = {DeviceType::CUDA, static_cast<int8_t>(index)};
    return true;
  }
  return false;
}

Device default_device() { return t_default_device; }
void set_default_device(Device device) { t_default_device = device; }

bool to_memory_format(PyObject* object, MemoryFormat& out) {
  if (Py_TYPE(object) != format_type) return false;
  out = reinterpret_cast<FormatObject*>(object)->value;
  return true;
}

PyObject* wrap_scalar(const Scalar& value) {
  switch (value.kind()) {
    case Scalar::Kind::Bool: return PyBool_FromLong(value.to<bool>());
    case Scalar::Kind::Int: return PyLong_FromLongLong(value.to<int64_t>());
    case Scalar::Kind::Double: return PyFloat_FromDouble(value.to<double>());
    case Scalar::Kind::Complex: break;
  }
  const complex128 c = value.to<complex128>();
  return PyComplex_FromDoubles(c.real(), c.imag());
}

void add_value_types(PyObject* module) {
  const unsigned plain = Py_TPFLAGS_DISALLOW_INSTANTIATION;
  dtype_type = make_type(
      module, "dtype", "plait.dtype", sizeof(DTypeObject),
      {{Py_tp_repr, slot(dtype_repr)}, {Py_tp_getset, dtype_getset}, {Py_tp_methods, dtype_methods}}, plain);
  for (int i = 0; i < kDTypeCount; ++i) {
    auto* o = reinterpret_cast<DTypeObject*>(checked(dtype_type->tp_alloc(dtype_type, 0)));
    o->value = static_cast<DType>(i);
    dtype_objects[i] = reinterpret_cast<PyObject*>(o);
    checked(PyModule_AddObjectRef(module, std::string(name(o->value)).c_str(), dtype_objects[i]));
  }
  for (size_t i = 0; i < std::size(kAbsent); ++i) {
    auto* o = reinterpret_cast<DTypeObject*>(checked(dtype_type->tp_alloc(dtype_type, 0)));
    o->value = static_cast<DType>(kDTypeCount + static_cast<int>(i));
    checked(PyModule_AddObjectRef(module, kAbsent[i].name, reinterpret_cast<PyObject*>(o)));
  }
  constexpr std::pair<const char*, DType> aliases[] = {
      {"float", DType::Float32},    {"double", DType::Float64},    {"half", DType::Float16},
      {"short", DType::Int16},      {"int", DType::Int32},         {"long", DType::Int64},
      {"cfloat", DType::Complex64}, {"cdouble", DType::Complex128}};
  for (const auto& [alias, dtype] : aliases)
    checked(PyModule_AddObjectRef(module, alias, dtype_objects[static_cast<int>(dtype)]));
  device_type = make_type(module, "device", "plait.device", sizeof(DeviceObject),
                          {{Py_tp_new, slot(device_new)},
                           {Py_tp_repr, slot(device_repr)},
                           {Py_tp_str, slot(device_str)},
                           {Py_tp_richcompare, slot(device_compare)},
                           {Py_tp_hash, slot(device_hash)},
                           {Py_tp_getset, device_getset},
                           {Py_tp_methods, device_methods}},
                          0);
  format_type = make_type(module, "memory_format", "plait.memory_format", sizeof(FormatObject),
                          {{Py_tp_repr, slot(format_repr)}, {Py_tp_methods, format_methods}}, plain);
  for (int i = 0; i < 4; ++i) {
    auto* o = reinterpret_cast<FormatObject*>(checked(format_type->tp_alloc(format_type, 0)));
    o->value = static_cast<MemoryFormat>(i);
    format_objects[i] = reinterpret_cast<PyObject*>(o);
    checked(PyModule_AddObjectRef(module, kFormatNames[i], format_objects[i]));
  }
  Object bases(checked(Py_BuildValue("(O)", reinterpret_cast<PyObject*>(&PyTuple_Type))));
  PyType_Slot slots[] = {{Py_tp_new, slot(size_new)},       {Py_tp_repr, slot(size_repr)},
                         {Py_tp_methods, size_methods},     {Py_mp_subscript, slot(size_subscript)},
                         {Py_sq_concat, slot(size_concat)}, {Py_nb_add, slot(size_add)},
                         {Py_sq_repeat, slot(size_repeat)}, {0, nullptr}};
  PyType_Spec spec{"plait.Size", 0, 0, Py_TPFLAGS_DEFAULT, slots};
  size_type = reinterpret_cast<PyTypeObject*>(checked(PyType_FromSpecWithBases(&spec, bases.get())));
  checked(PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(size_type)));
}

}  // namespace plait::python
