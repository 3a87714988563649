// Errors. Each says which op and argument, what was expected, what was given, and one thing to try; in Python
// each becomes the standard type of the same name. Formatting is done out of line, so that this header stays
// light for outside ops.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "core/export.h"

namespace plait {

enum class DType : uint8_t;
struct Device;
class Dims;

class PLAIT_API Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
class PLAIT_API RuntimeError : public Error {
 public:
  using Error::Error;
};
class PLAIT_API TypeError : public Error {
 public:
  using Error::Error;
};
class PLAIT_API ValueError : public Error {
 public:
  using Error::Error;
};
class PLAIT_API IndexError : public Error {
 public:
  using Error::Error;
};
class PLAIT_API NotImplementedError : public Error {
 public:
  using Error::Error;
};
class PLAIT_API OutOfMemoryError : public Error {
 public:
  using Error::Error;
};

// A value of one entry of a batch was asked for, where all entries are computed at once: Note [Batched
// tensors] in core/batch.h.
class PLAIT_API EntryError : public RuntimeError {
 public:
  using RuntimeError::RuntimeError;
};

// One argument of a message, type-erased.
struct PLAIT_API MessageArg {
  enum class Kind { Int, Double, Bool, Text, Shape, DType, Device } kind;
  int64_t integer = 0;
  double real = 0;
  std::string_view text;
  std::span<const int64_t> shape;

  MessageArg(bool v) : kind(Kind::Bool), integer(v) {}
  MessageArg(int v) : kind(Kind::Int), integer(v) {}
  MessageArg(unsigned v) : kind(Kind::Int), integer(v) {}
  MessageArg(long v) : kind(Kind::Int), integer(v) {}
  MessageArg(unsigned long v) : kind(Kind::Int), integer(static_cast<int64_t>(v)) {}
  MessageArg(double v) : kind(Kind::Double), real(v) {}
  MessageArg(const char* v) : kind(Kind::Text), text(v) {}
  MessageArg(std::string_view v) : kind(Kind::Text), text(v) {}
  MessageArg(const std::string& v) : kind(Kind::Text), text(v) {}
  MessageArg(std::span<const int64_t> v) : kind(Kind::Shape), shape(v) {}
  MessageArg(const Dims& v);
  MessageArg(DType v) : kind(Kind::DType), integer(static_cast<int64_t>(v)) {}
  MessageArg(const Device& v);
};

// "{}" is replaced by the arguments in turn; shapes print as (2, 3), dtypes as float32, devices as cuda:0.
PLAIT_API std::string message(std::string_view format, std::span<const MessageArg> args);

template <class... Args>
std::string message(std::string_view format, const Args&... args) {
  const MessageArg list[] = {MessageArg(args)..., MessageArg(0)};
  return message(format, std::span<const MessageArg>(list, sizeof...(args)));
}

template <class E = RuntimeError, class... Args>
[[noreturn]] __attribute__((noinline, cold)) void fail(std::string_view format, const Args&... args) {
  throw E(message(format, args...));
}

template <class E = ValueError, class... Args>
inline void check(bool condition, std::string_view format, const Args&... args) {
  if (__builtin_expect(!condition, 0)) fail<E>(format, args...);
}

}  // namespace plait
