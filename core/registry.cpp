#include "core/registry.h"

#include <algorithm>
#include <charconv>

#include "core/op.h"

namespace plait {
namespace {

class SchemaParser {
 public:
  explicit SchemaParser(const char* text) : text_(text), rest_(text) {}

  Schema parse() {
    Schema schema;
    schema.text = text_;
    schema.name = word("the op's name");
    if (accept("::")) schema.name += "::" + word("the op's name");
    if (accept(".")) schema.overload = word("the overload's name");
    expect("(");
    bool keyword_only = false;
    while (!accept(")")) {
      if (accept("*")) {
        keyword_only = true;
      } else {
        schema.params.push_back(param(keyword_only));
      }
      if (!accept(",") && !peek(")")) error("',' or ')'");
    }
    expect("->");
    if (accept("(")) {
      while (!accept(")")) {
        Return ret{"", type_word()};
        ret.name = word("a result's name");
        schema.returns.push_back(std::move(ret));
        if (!accept(",") && !peek(")")) error("',' or ')'");
      }
    } else {
      schema.returns.push_back({"", type_word()});
    }
    skip_space();
    if (!rest_.empty()) error("the end");
    return schema;
  }

 private:
  [[noreturn]] void error(std::string_view expected) {
    fail<ValueError>("op schema: expected {} at '{}' in '{}'", expected, rest_, text_);
  }
  void skip_space() {
    while (!rest_.empty() && (rest_[0] == ' ' || rest_[0] == '\n')) rest_.remove_prefix(1);
  }
  bool peek(std::string_view token) {
    skip_space();
    return rest_.starts_with(token);
  }
  bool accept(std::string_view token) {
    if (!peek(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void expect(std::string_view token) {
    if (!accept(token)) error("'" + std::string(token) + "'");
  }
  std::string word(std::string_view what) {
    skip_space();
    size_t n = 0;
    while (n < rest_.size() && (std::isalnum(static_cast<unsigned char>(rest_[n])) || rest_[n] == '_')) ++n;
    if (n == 0) error(what);
    std::string out(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return out;
  }
  std::string type_word() {
    std::string type = word("a type");
    if (accept("(")) {  // Tensor(a!): the argument that was written
      word("the name of an alias set");
      accept("!");
      expect(")");
    }
    if (accept("[]")) type += "[]";
    return type;
  }

  Param param(bool keyword_only) {
    static constexpr std::pair<std::string_view, ParamType> kTypes[] = {
        {"Tensor", ParamType::Tensor}, {"Scalar", ParamType::Scalar},
        {"int", ParamType::Int},       {"float", ParamType::Float},
        {"bool", ParamType::Bool},     {"dtype", ParamType::DType},
        {"device", ParamType::Device}, {"memory_format", ParamType::MemoryFormat},
        {"str", ParamType::String},    {"Generator", ParamType::Generator}};
    Param p;
    p.keyword_only = keyword_only;
    const std::string type = word("a type");
    const auto known =
        std::find_if(std::begin(kTypes), std::end(kTypes), [&](auto& t) { return t.first == type; });
    if (known == std::end(kTypes)) error("a known type before");
    p.type = known->second;
    if (accept("(")) {  // Tensor(a!): the letter names an alias set, "!" says that it is written
      word("the name of an alias set, as in Tensor(a!)");
      p.mutates = accept("!");
      expect(")");
    }
    bool question = accept("?");
    if (accept("[")) {
      p.type = p.type == ParamType::Tensor  ? ParamType::TensorList
               : p.type == ParamType::Int   ? ParamType::Ints
               : p.type == ParamType::Float ? ParamType::Floats
                                            : (error("a list of Tensor, int or float"), p.type);
      p.optional_items = question;
      question = false;
      if (!accept("]")) {
        p.repeat = std::atoi(word("a number").c_str());
        expect("]");
      }
      question = accept("?");
    }
    p.optional = question;
    p.name = word("a parameter's name");
    if (accept("=")) {
      p.has_default = true;
      p.default_text = default_text();
      p.default_value = default_value(p);
    }
    return p;
  }

  std::string default_text() {
    skip_space();
    size_t n = 0;
    int depth = 0;
    while (n < rest_.size() && (depth > 0 || (rest_[n] != ',' && rest_[n] != ')'))) {
      depth += rest_[n] == '[' ? 1 : rest_[n] == ']' ? -1 : 0;
      ++n;
    }
    std::string out(rest_.substr(0, n));
    rest_.remove_prefix(n);
    return out;
  }

  double number(std::string_view text) {
    double v = 0;
    if (text == "inf") return std::numeric_limits<double>::infinity();
    if (text == "-inf") return -std::numeric_limits<double>::infinity();
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), v);
    if (code != std::errc() || end != text.data() + text.size()) error("a number as default");
    return v;
  }

  Value default_value(const Param& p) {
    const std::string& t = p.default_text;
    if (t == "None") return {};
    switch (p.type) {
      case ParamType::Bool: return t == "True";
      case ParamType::Int: return static_cast<int64_t>(number(t));
      case ParamType::Float: return number(t);
      case ParamType::Scalar:
        if (t == "True" || t == "False") return Scalar(t == "True");
        if (t.find_first_of(".en") == std::string::npos) return Scalar(static_cast<int64_t>(number(t)));
        return Scalar(number(t));
      case ParamType::Ints: {
        if (t[0] != '[') return Dims(p.repeat > 0 ? p.repeat : 1, static_cast<int64_t>(number(t)));
        Dims dims;
        std::string_view rest(t);
        rest = rest.substr(1, rest.size() - 2);
        while (!rest.empty()) {
          const size_t comma = std::min(rest.find(','), rest.size());
          std::string_view one = rest.substr(0, comma);
          while (one.starts_with(' ')) one.remove_prefix(1);
          dims.push_back(static_cast<int64_t>(number(one)));
          rest.remove_prefix(std::min(comma + 1, rest.size()));
        }
        return dims;
      }
      case ParamType::String: return std::string(t.substr(1, t.size() - 2));
      case ParamType::MemoryFormat:
        return t == "contiguous_format" ? MemoryFormat::Contiguous : MemoryFormat::Preserve;
      case ParamType::DType:
        if (const auto d = dtype_from_name(t)) return *d;
        [[fallthrough]];
      default: error("no default of this kind");
    }
  }

  std::string_view text_, rest_;
};

}  // namespace

Schema Schema::parse(const char* text) { return SchemaParser(text).parse(); }

int Schema::index_of(std::string_view param) const {
  for (size_t i = 0; i < params.size(); ++i)
    if (params[i].name == param) return static_cast<int>(i);
  return -1;
}

Registry& Registry::instance() {
  static auto* registry = new Registry;
  return *registry;
}

void Registry::add(OpBase* op) {
  if (const OpBase* other = find(op->full_name()))
    fail<ValueError>("op '{}' is declared twice: '{}' and '{}'", op->full_name(), other->schema().text,
                     op->schema().text);
  ops_.push_back(op);
}

void Registry::remove(OpBase* op) { std::erase(ops_, op); }

const OpBase* Registry::find(std::string_view full_name) const {
  for (const OpBase* op : ops_)
    if (op->full_name() == full_name) return op;
  return nullptr;
}

std::vector<const OpBase*> Registry::overloads(std::string_view name) const {
  std::vector<const OpBase*> found;
  for (const OpBase* op : ops_)
    if (op->schema().name == name) found.push_back(op);
  return found;
}

}  // namespace plait
