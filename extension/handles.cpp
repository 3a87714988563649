#include "extension/handles.h"

#include <memory>
#include <string>

#include "autograd/boxed_op.h"

namespace plait::abi {
namespace {

struct Kept {
  std::exception_ptr exception;
  int kind = PLAIT_RUNTIME_ERROR;
  std::string text;
};
// On the heap: thread-local storage is scarce in libraries that are loaded late.
Kept& kept() {
  thread_local std::unique_ptr<Kept> kept;
  if (!kept) kept = std::make_unique<Kept>();
  return *kept;
}

}  // namespace

void keep_error() noexcept {
  kept().exception = std::current_exception();
  kept().kind = PLAIT_RUNTIME_ERROR;
  try {
    throw;
  } catch (const TypeError& e) {
    kept().kind = PLAIT_TYPE_ERROR, kept().text = e.what();
  } catch (const ValueError& e) {
    kept().kind = PLAIT_VALUE_ERROR, kept().text = e.what();
  } catch (const IndexError& e) {
    kept().kind = PLAIT_INDEX_ERROR, kept().text = e.what();
  } catch (const NotImplementedError& e) {
    kept().kind = PLAIT_NOT_IMPLEMENTED_ERROR, kept().text = e.what();
  } catch (const OutOfMemoryError& e) {
    kept().kind = PLAIT_OUT_OF_MEMORY_ERROR, kept().text = e.what();
  } catch (const std::exception& e) {
    kept().text = e.what();
  } catch (...) {
    kept().text = "an error was raised in Python";
  }
}

void rethrow() {
  if (!kept().exception)
    fail<RuntimeError>("a function of an extension failed without saying why (no set_error before -1)");
  std::rethrow_exception(std::exchange(kept().exception, nullptr));
}

const char* last_error(int* kind) {
  if (kind) *kind = kept().kind;
  return kept().text.c_str();
}

void set_error(int kind, const char* text, size_t length) {
  const std::string message(text, length);
  // An error that came from plait and passed through the extension stays what it was.
  if (kept().exception && kept().kind == kind && kept().text == message) return;
  status([&] {
    switch (kind) {
      case PLAIT_TYPE_ERROR: throw TypeError(message);
      case PLAIT_VALUE_ERROR: throw ValueError(message);
      case PLAIT_INDEX_ERROR: throw IndexError(message);
      case PLAIT_NOT_IMPLEMENTED_ERROR: throw NotImplementedError(message);
      case PLAIT_OUT_OF_MEMORY_ERROR: throw OutOfMemoryError(message);
      default: throw RuntimeError(message);
    }
  });
}

TensorSpec to_spec(const plait_spec& spec) {
  check(spec.ndim >= 0 && spec.ndim <= kMaxDims, "a tensor of {} dimensions was asked for, expected 0 to {}",
        spec.ndim, kMaxDims);
  check(spec.dtype >= 0 && spec.dtype < kDTypeCount, "a tensor of unknown dtype {} was asked for",
        spec.dtype);
  check(spec.device.type >= 0 && spec.device.type <= PLAIT_META,
        "a tensor on an unknown device type {} was asked for", static_cast<int>(spec.device.type));
  const auto count = static_cast<size_t>(spec.ndim);
  TensorSpec out(Dims(IntSpan(spec.sizes, count)), static_cast<DType>(spec.dtype),
                 Device{static_cast<DeviceType>(spec.device.type), spec.device.index});
  if (spec.has_strides) out.strides = Dims(IntSpan(spec.strides, count));
  return out;
}

void from_spec(const TensorSpec& spec, plait_spec& out) {
  out.ndim = spec.sizes.size();
  out.dtype = static_cast<int>(spec.dtype);
  out.device = {static_cast<int8_t>(spec.device.type), spec.device.index};
  out.has_strides = spec.strides.has_value();
  for (int i = 0; i < out.ndim; ++i) {
    out.sizes[i] = spec.sizes[i];
    if (spec.strides) out.strides[i] = (*spec.strides)[i];
  }
}

void lend_any(const Value& value, plait_value& out) {
  out.reserved = 0;
  const auto list = [&](int32_t tag, const void* items, size_t count) {
    out.tag = tag;
    out.as.list = {items, static_cast<int64_t>(count)};
  };
  switch (value.tag()) {
    case Value::Tag::None:
      out.tag = PLAIT_NONE;
      out.as.tensor = nullptr;
      break;
    case Value::Tag::Tensor:
    case Value::Tag::BorrowedTensor:
      out.tag = PLAIT_TENSOR;
      out.as.tensor = reinterpret_cast<plait_tensor*>(value.tensor().impl());
      break;
    case Value::Tag::TensorList: list(PLAIT_TENSORS, value.tensors().data(), value.tensors().size()); break;
    case Value::Tag::Bool:
      out.tag = PLAIT_BOOLEAN;
      out.as.integer = value.boolean();
      break;
    case Value::Tag::Int:
      out.tag = PLAIT_INTEGER;
      out.as.integer = value.integer();
      break;
    case Value::Tag::Double:
      out.tag = PLAIT_REAL;
      out.as.real = value.real();
      break;
    case Value::Tag::Scalar: {
      const Scalar& s = value.scalar();
      if (s.is_complex()) {
        const auto z = s.to<complex128>();
        out.tag = PLAIT_COMPLEX;
        out.as.complex = {z.real(), z.imag()};
      } else if (s.is_floating()) {
        out.tag = PLAIT_REAL;
        out.as.real = s.to<double>();
      } else {
        out.tag = s.is_integral() ? PLAIT_INTEGER : PLAIT_BOOLEAN;
        out.as.integer = s.to<int64_t>();
      }
      break;
    }
    case Value::Tag::Ints: list(PLAIT_INTEGERS, value.ints().data(), value.ints().size()); break;
    case Value::Tag::Doubles: list(PLAIT_REALS, value.doubles().data(), value.doubles().size()); break;
    case Value::Tag::DType:
      out.tag = PLAIT_DTYPE;
      out.as.integer = static_cast<int>(value.dtype());
      break;
    case Value::Tag::Device:
      out.tag = PLAIT_DEVICE;
      out.as.device = {static_cast<int8_t>(value.device().type), value.device().index};
      break;
    case Value::Tag::MemoryFormat:
      out.tag = PLAIT_FORMAT;
      out.as.integer = static_cast<int>(value.memory_format());
      break;
    case Value::Tag::Generator:
      out.tag = PLAIT_GENERATOR;
      out.as.generator = reinterpret_cast<plait_generator*>(value.generator().get());
      break;
    case Value::Tag::String: list(PLAIT_STRING, value.string().data(), value.string().size()); break;
  }
}

namespace {

Scalar scalar_of(const plait_value& v) {
  switch (v.tag) {
    case PLAIT_BOOLEAN: return v.as.integer != 0;
    case PLAIT_INTEGER: return v.as.integer;
    case PLAIT_REAL: return v.as.real;
    default: return complex128(v.as.complex.real, v.as.complex.imag);
  }
}
bool is_number(const plait_value& v) { return v.tag >= PLAIT_BOOLEAN && v.tag <= PLAIT_COMPLEX; }
template <class T>
std::span<const T> items(const plait_value& v) {
  return {static_cast<const T*>(v.as.list.items), static_cast<size_t>(v.as.list.count)};
}

const char* const kTagNames[] = {
    "None",     "a Tensor",         "a list of Tensors", "a bool",           "an int",
    "a float",  "a complex number", "a list of ints",    "a list of floats", "a dtype",
    "a device", "a memory format",  "a Generator",       "a string"};

}  // namespace

Value take_arg(const plait_value& v, const OpBase& op, int index) {
  const Param& param = op.schema().params[index];
  if (v.tag == PLAIT_NONE) {
    if (param.optional || (param.has_default && param.default_value.is_none())) return {};
    fail<TypeError>("{}: argument '{}' must not be None", op.name(), param.name);
  }
  switch (param.type) {
    case ParamType::Tensor:
      if (v.tag == PLAIT_TENSOR) {
        if (!v.as.tensor) return {};
        return Value::borrow(as_tensor(v.as.tensor));
      }
      if (is_number(v)) return Value(wrapped_scalar(scalar_of(v)));
      break;
    case ParamType::TensorList:
      if (v.tag == PLAIT_TENSORS) return Value(TensorList(items<Tensor>(v)));
      break;
    case ParamType::Scalar:
      if (is_number(v)) return Value(scalar_of(v));
      break;
    case ParamType::Int:
      if (v.tag == PLAIT_INTEGER) return Value(v.as.integer);
      break;
    case ParamType::Float:
      if (v.tag == PLAIT_REAL) return Value(v.as.real);
      if (v.tag == PLAIT_INTEGER) return Value(static_cast<double>(v.as.integer));
      break;
    case ParamType::Bool:
      if (v.tag == PLAIT_BOOLEAN) return Value(v.as.integer != 0);
      break;
    case ParamType::Ints:
      if (v.tag == PLAIT_INTEGERS) return Value(IntSpan(items<int64_t>(v)));
      if (v.tag == PLAIT_INTEGER) return Value(Dims(param.repeat > 0 ? param.repeat : 1, v.as.integer));
      break;
    case ParamType::Floats:
      if (v.tag == PLAIT_REALS) {
        const auto list = items<double>(v);
        return Value(std::vector<double>(list.begin(), list.end()));
      }
      break;
    case ParamType::DType:
      if (v.tag == PLAIT_DTYPE) return Value(static_cast<DType>(v.as.integer));
      break;
    case ParamType::Device:
      if (v.tag == PLAIT_DEVICE)
        return Value(Device{static_cast<DeviceType>(v.as.device.type), v.as.device.index});
      break;
    case ParamType::MemoryFormat:
      if (v.tag == PLAIT_FORMAT) return Value(static_cast<MemoryFormat>(v.as.integer));
      break;
    case ParamType::Generator:
      if (v.tag == PLAIT_GENERATOR)
        return Value(Generator::share(reinterpret_cast<GeneratorImpl*>(v.as.generator)));
      break;
    case ParamType::String:
      if (v.tag == PLAIT_STRING) return Value(std::string_view(items<char>(v).data(), items<char>(v).size()));
      break;
  }
  fail<TypeError>("{}: argument '{}' does not take {}; the schema is '{}'", op.name(), param.name,
                  kTagNames[v.tag], op.schema().text);
}

Value take_result(plait_value& v) {
  switch (v.tag) {
    case PLAIT_NONE: return {};
    case PLAIT_TENSOR: return Value(adopt(v.as.tensor));
    case PLAIT_TENSORS: {
      auto** list = static_cast<plait_tensor**>(const_cast<void*>(v.as.list.items));
      std::vector<Tensor> tensors;
      for (int64_t i = 0; i < v.as.list.count; ++i) tensors.push_back(adopt(list[i]));
      delete[] list;
      return Value(std::move(tensors));
    }
    case PLAIT_BOOLEAN: return Value(v.as.integer != 0);
    case PLAIT_INTEGER: return Value(v.as.integer);
    case PLAIT_REAL: return Value(v.as.real);
    case PLAIT_COMPLEX: return Value(scalar_of(v));
    default: fail<TypeError>("an extension returned {}, which an op cannot return", kTagNames[v.tag]);
  }
}

void give_result(Value value, plait_value& out) {
  switch (value.tag()) {
    case Value::Tag::Tensor:
    case Value::Tag::BorrowedTensor:
      out.tag = PLAIT_TENSOR;
      out.as.tensor = give(value.tensor());
      break;
    case Value::Tag::TensorList: {
      const auto& tensors = value.tensors();
      auto** list = new plait_tensor*[tensors.size()];
      for (size_t i = 0; i < tensors.size(); ++i) list[i] = give(tensors[i]);
      out.tag = PLAIT_TENSORS;
      out.as.list = {list, static_cast<int64_t>(tensors.size())};
      break;
    }
    default: lend(value, out);  // numbers
  }
}

void release(plait_value& v) {
  if (v.tag == PLAIT_TENSOR && v.as.tensor) adopt(v.as.tensor);
  if (v.tag == PLAIT_TENSORS) {
    auto** list = static_cast<plait_tensor**>(const_cast<void*>(v.as.list.items));
    for (int64_t i = 0; i < v.as.list.count; ++i) adopt(list[i]);
    delete[] list;
  }
  v.tag = PLAIT_NONE;
}

}  // namespace plait::abi
