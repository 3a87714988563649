// The registry: every op that exists, by name, with its parsed schema. A loop over it makes the Python
// functions, the type stubs, ops.h, the reference table and the tests.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/export.h"
#include "core/value.h"

namespace plait {

// The types that a schema can name.
enum class ParamType : uint8_t {
  Tensor,        // Tensor, Tensor?
  TensorList,    // Tensor[], Tensor?[]
  Scalar,        // Scalar, Scalar?: a Python number of any category
  Int,           // int, int?
  Float,         // float, float?
  Bool,          // bool, bool?
  Ints,          // int[], int[]?; int[N] takes a lone int for N equal ones
  Floats,        // float[], float[]?
  DType,         // dtype?
  Device,        // device?
  MemoryFormat,  // memory_format?
  Generator,     // Generator?
  String,        // str
};

struct Param {
  std::string name;
  ParamType type = ParamType::Tensor;
  bool optional = false;        // takes None
  bool optional_items = false;  // Tensor?[]: a list with gaps
  bool keyword_only = false;
  bool mutates = false;  // Tensor(a!): the op writes into it
  bool has_default = false;
  int repeat = 0;            // int[2]: how often a lone int is repeated
  std::string default_text;  // as written
  Value default_value;
};

struct Return {
  std::string name;  // empty for a lone result
  std::string type;  // "Tensor", "Tensor[]", "bool", ...
};

// "name.overload(Type name=default, *, ...) -> Return" or "-> (Tensor values, Tensor indices)". The name of
// an outside op begins with its namespace: "mine::name(...)".
struct PLAIT_API Schema {
  std::string text, name, overload;
  std::vector<Param> params;
  std::vector<Return> returns;

  static Schema parse(const char* text);       // raises ValueError pointing at the place
  int index_of(std::string_view param) const;  // -1 where there is none
};

class OpBase;

class PLAIT_API Registry {
 public:
  static Registry& instance();
  void add(OpBase* op);
  void remove(OpBase* op);
  // "add" or "sum.dim"; null where there is none.
  const OpBase* find(std::string_view full_name) const;
  // All overloads of a Python name, in the order of declaration. Outside ops: "mine::name".
  std::vector<const OpBase*> overloads(std::string_view name) const;
  const std::vector<OpBase*>& all() const { return ops_; }

 private:
  std::vector<OpBase*> ops_;
};

}  // namespace plait
