#include "core/op.h"

#include <algorithm>

#include "core/backend.h"
#include "core/op_impl.h"

namespace plait {
namespace {

// "other if self, self if other, result" -> rules.
std::vector<SaveRule> parse_saves(const Schema& schema, std::string_view text) {
  std::vector<SaveRule> rules;
  const auto next_word = [&]() -> std::string_view {
    while (!text.empty() && text[0] == ' ') text.remove_prefix(1);
    size_t n = 0;
    while (n < text.size() && text[n] != ' ' && text[n] != ',') ++n;
    const std::string_view word = text.substr(0, n);
    text.remove_prefix(n);
    return word;
  };
  const auto unknown = [&](std::string_view word) {
    fail<ValueError>("op '{}': '{}' in .save names neither a parameter nor a result", schema.text, word);
  };
  while (!text.empty()) {
    SaveRule rule;
    std::string_view word = next_word();
    rule.layout = word.ends_with(".layout");
    if (rule.layout) word.remove_suffix(7);
    rule.param = static_cast<int8_t>(schema.index_of(word));
    if (rule.param < 0) {
      if (word == "result") rule.output = 0;
      for (size_t i = 0; i < schema.returns.size(); ++i)
        if (schema.returns[i].name == word) rule.output = static_cast<int8_t>(i);
      if (rule.output < 0) unknown(word);
    }
    word = next_word();
    if (word == "if") {
      do {
        word = next_word();
        const int param = schema.index_of(word);
        if (param < 0) unknown(word);
        rule.only_if |= 1u << param;
        word = next_word();
      } while (word == "or");
    }
    rules.push_back(rule);
    while (!text.empty() && (text[0] == ',' || text[0] == ' ')) text.remove_prefix(1);
  }
  return rules;
}

}  // namespace

OpBase::OpBase(const char* schema, const char* doc, Kind kind, DTypeSet dtypes, const char* save)
    : schema_(Schema::parse(schema)),
      doc_(doc),
      saves_(parse_saves(schema_, save)),
      dtypes_(dtypes),
      kind_(kind) {
  full_name_ = schema_.overload.empty() ? schema_.name : schema_.name + "." + schema_.overload;
  output_count_ = static_cast<int8_t>(schema_.returns.size());
  for (const Param& param : schema_.params) {
    const bool tensor = param.type == ParamType::Tensor || param.type == ParamType::TensorList;
    has_list_ |= param.type == ParamType::TensorList;
    slots_.push_back(tensor ? tensor_params_++ : attr_params_++);
  }
  from_self_ = schema_.returns.size() == 1 && schema_.returns[0].type == "Tensor" &&
               !schema_.params.empty() && schema_.params[0].type == ParamType::Tensor;
  Registry::instance().add(this);
}

OpBase::~OpBase() { Registry::instance().remove(this); }

void OpBase::check_signature(std::span<const ParamType> types, std::span<const bool> optionals) {
  static constexpr const char* kNames[] = {"Tensor",        "Tensor[]",  "Scalar",  "int",   "float",
                                           "bool",          "int[]",     "float[]", "dtype", "device",
                                           "memory_format", "Generator", "str"};
  if (types.size() != schema_.params.size())
    fail<TypeError>(
        "op '{}': the schema and the C++ signature disagree: {} arguments in the schema, {} in C++",
        schema_.text, schema_.params.size(), types.size());
  for (size_t i = 0; i < types.size(); ++i) {
    const Param& param = schema_.params[i];
    const bool may_be_absent = param.type == ParamType::Tensor || param.type == ParamType::TensorList ||
                               param.type == ParamType::Generator;
    if (types[i] == param.type && (may_be_absent || optionals[i] == param.optional)) continue;
    fail<TypeError>(
        "op '{}': the schema and the C++ signature disagree at argument '{}' (position {}): {}{} in the "
        "schema, {}{} in C++",
        schema_.text, param.name, i + 1, kNames[static_cast<int>(param.type)], param.optional ? "?" : "",
        kNames[static_cast<int>(types[i])], optionals[i] && !may_be_absent ? "?" : "");
  }
}

void OpBase::fail_undefined(int param) const {
  fail<TypeError>("{}: argument '{}' must be a Tensor, not None", name(), schema_.params[param].name);
}
void OpBase::fail_device(const Tensor& tensor, int param, Device expected) const {
  fail<RuntimeError>(
      "{}: expected all tensors on one device, got argument '{}' on {} and others on {}; move it with "
      ".to('{}')",
      name(), schema_.params[param].name, tensor.device(), expected, expected);
}
void OpBase::fail_dtype(const Tensor& tensor, int param) const {
  std::string list;
  for (int i = 0; i < kDTypeCount; ++i)
    if (dtypes_ & (1u << i))
      list += (list.empty() ? "" : ", ") + std::string(plait::name(static_cast<DType>(i)));
  fail<TypeError>("{}: expected argument '{}' of dtype {}, got {}; convert it with .to(dtype)", name(),
                  schema_.params[param].name, list, tensor.dtype());
}
void detail::fail_dtype_argument(const OpBase& op, DType dtype, int param) {
  fail<TypeError>(
      "{}: argument '{}' is {}, in which nothing is computed; ask for another dtype, and convert the "
      "result with .to({})",
      op.name(), op.schema().params[param].name, dtype, dtype);
}
void OpBase::fail_kernel(Device device) const {
  fail<NotImplementedError>("{}: no kernel for device '{}'; move the tensors to 'cpu'", name(), device);
}
void OpBase::attach_boxed(Key key, BoxedKernel kernel) {
  if (!is_structured_)
    fail<NotImplementedError>(
        "{}: takes no kernels of other devices: it is a view, is written in other ops, or decides its own "
        "result",
        name());
  if (!boxed_kernels_) boxed_kernels_ = std::make_unique<std::array<BoxedKernel, kKeyCount>>();
  (*boxed_kernels_)[static_cast<size_t>(key)] = std::move(kernel);
}
void OpBase::run_boxed_kernel(Device device, const Tensor* outs, const Value* args) const {
  const BoxedKernel* kernel =
      boxed_kernels_ ? &(*boxed_kernels_)[static_cast<size_t>(device.key())] : nullptr;
  if (!kernel || !*kernel) fail_kernel(device);
  const CurrentDevice current(device);
  (*kernel)(outs, args);
}
void OpBase::fail_meta() const {
  fail<NotImplementedError>(
      "{}: the shape of the result depends on data, which tensors on the meta device do not have", name());
}
void detail::fail_result_device(const OpBase& op, Device device) {
  fail<RuntimeError>(
      "{}: expected all tensors on one device, got the result on {} and an argument on another device; move "
      "them with .to('{}')",
      op.name(), device, device);
}

const OpBase& find_op(std::string_view full_name) {
  const OpBase* op = Registry::instance().find(full_name);
  if (!op)
    fail<RuntimeError>("op '{}' is not registered; is the library that declares it loaded?", full_name);
  return *op;
}

}  // namespace plait
