// Errors, and the table through which all calls into plait go. Part of plait/extension.h.
#pragma once

#include <exception>
#include <string_view>
#include <type_traits>
#include <vector>

#include "plait/abi.h"

#ifndef PLAIT_EXTENSION_NAME
#define PLAIT_EXTENSION_NAME "extension"
#endif

// In a program that links libplait; absent in an extension, to which plait hands its table.
extern "C" __attribute__((weak)) const plait_api* plait_get_api(uint32_t abi_version);

namespace plait {
inline namespace v1 {

enum class DType : int32_t;

// A run of elements that somebody else owns: std::span, without its compile time, and so that
// `empty(x.sizes())` finds plait's `empty` and not the standard library's.
template <class T>
class Span {
  using Item = std::remove_const_t<T>;

 public:
  constexpr Span() = default;
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  Span(const std::vector<Item>& from) : data_(from.data()), size_(from.size()) {}
  template <size_t N>
  constexpr Span(T (&from)[N]) : data_(from),
                                 size_(N) {}
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }
  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T& operator[](size_t i) const { return data_[i]; }
  constexpr T& front() const { return data_[0]; }
  constexpr T& back() const { return data_[size_ - 1]; }
  friend bool operator==(Span a, Span b) {
    bool same = a.size_ == b.size_;
    for (size_t i = 0; same && i < a.size_; ++i) same = a.data_[i] == b.data_[i];
    return same;
  }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};
using IntSpan = Span<const int64_t>;
using FloatSpan = Span<const double>;

namespace detail {

inline const plait_api* g_api = nullptr;
void register_ops();  // plait/op.h

inline const plait_api& find_api() {
  if (!g_api && plait_get_api) {
    g_api = plait_get_api(PLAIT_ABI_VERSION);
    if (g_api) register_ops();
  }
  if (!g_api) {
    __builtin_puts(
        "plait: an op was called in a library that plait has not loaded (use plait.ops.load_library), or in "
        "a program "
        "that was linked without libplait (with g++: -Wl,--no-as-needed -lplait)");
    __builtin_trap();
  }
  return *g_api;
}

// A growing text without <string>, which costs half of this header's compile time.
class Text {
 public:
  Text() = default;
  Text(const Text& other) { append(other.view()); }
  Text& operator=(const Text&) = delete;
  ~Text() { __builtin_free(data_); }
  void append(std::string_view more) {
    if (size_ + more.size() + 1 > room_) {
      room_ = 2 * (size_ + more.size()) + 64;
      data_ = static_cast<char*>(__builtin_realloc(data_, room_));
      if (!data_) __builtin_trap();
    }
    if (!more.empty()) __builtin_memcpy(data_ + size_, more.data(), more.size());
    size_ += more.size();
    data_[size_] = 0;
  }
  void append(int64_t value) {
    char buffer[24];
    append(std::string_view(buffer, static_cast<size_t>(__builtin_snprintf(buffer, sizeof buffer, "%lld",
                                                                           static_cast<long long>(value)))));
  }
  void append(double value) {
    char buffer[32];
    append(std::string_view(buffer,
                            static_cast<size_t>(__builtin_snprintf(buffer, sizeof buffer, "%g", value))));
  }
  std::string_view view() const { return {data_ ? data_ : "", size_}; }
  const char* c_str() const { return data_ ? data_ : ""; }

 private:
  char* data_ = nullptr;
  size_t size_ = 0, room_ = 0;
};

}  // namespace detail

inline const plait_api& api() {
  const plait_api* table = detail::g_api;
  return __builtin_expect(table != nullptr, 1) ? *table : detail::find_api();
}

// In Python each becomes the standard type of the same name.
class Error : public std::exception {
 public:
  Error(int kind, std::string_view text) : kind_(kind) { text_.append(text); }
  const char* what() const noexcept override { return text_.c_str(); }
  int kind() const { return kind_; }

 private:
  int kind_;
  detail::Text text_;
};
template <int Kind>
struct ErrorOf : Error {
  explicit ErrorOf(std::string_view text) : Error(Kind, text) {}
};
using RuntimeError = ErrorOf<PLAIT_RUNTIME_ERROR>;
using TypeError = ErrorOf<PLAIT_TYPE_ERROR>;
using ValueError = ErrorOf<PLAIT_VALUE_ERROR>;
using IndexError = ErrorOf<PLAIT_INDEX_ERROR>;
using NotImplementedError = ErrorOf<PLAIT_NOT_IMPLEMENTED_ERROR>;
using OutOfMemoryError = ErrorOf<PLAIT_OUT_OF_MEMORY_ERROR>;

class Dims;

// One argument of a message.
struct MessageArg {
  enum Kind { None, Int, Real, Bool, String, Shape, Type } kind = None;
  int64_t integer = 0;  // or the length
  double real = 0;
  const void* items = nullptr;

  MessageArg() = default;
  MessageArg(bool v) : kind(Bool), integer(v) {}
  MessageArg(int v) : kind(Int), integer(v) {}
  MessageArg(unsigned v) : kind(Int), integer(v) {}
  MessageArg(long v) : kind(Int), integer(v) {}
  MessageArg(unsigned long v) : kind(Int), integer(static_cast<int64_t>(v)) {}
  MessageArg(long long v) : kind(Int), integer(v) {}
  MessageArg(unsigned long long v) : kind(Int), integer(static_cast<int64_t>(v)) {}
  MessageArg(double v) : kind(Real), real(v) {}
  MessageArg(std::string_view v) : kind(String), integer(static_cast<int64_t>(v.size())), items(v.data()) {}
  MessageArg(const char* v) : MessageArg(std::string_view(v)) {}
  MessageArg(IntSpan v) : kind(Shape), integer(static_cast<int64_t>(v.size())), items(v.data()) {}
  MessageArg(const Dims& v);
  MessageArg(DType v) : kind(Type), integer(static_cast<int64_t>(v)) {}

  void append_to(detail::Text& text) const {
    static constexpr std::string_view names[] = {"bool",    "uint8",   "int8",      "int16",
                                                 "int32",   "int64",   "float16",   "bfloat16",
                                                 "float32", "float64", "complex64", "complex128"};
    switch (kind) {
      case None: return text.append(std::string_view("{}"));
      case Int: return text.append(integer);
      case Real: return text.append(real);
      case Bool: return text.append(std::string_view(integer ? "true" : "false"));
      case String:
        return text.append(std::string_view(static_cast<const char*>(items), static_cast<size_t>(integer)));
      case Type: return text.append(names[integer]);
      case Shape: break;
    }
    text.append(std::string_view("("));
    for (int64_t i = 0; i < integer; ++i) {
      if (i) text.append(std::string_view(", "));
      text.append(static_cast<const int64_t*>(items)[i]);
    }
    text.append(std::string_view(integer == 1 ? ",)" : ")"));
  }
};

namespace detail {

inline void format(Text& text, std::string_view pattern, const MessageArg* args) {
  for (size_t at; (at = pattern.find("{}")) != std::string_view::npos; pattern.remove_prefix(at + 2)) {
    text.append(pattern.substr(0, at));
    args++->append_to(text);
  }
  text.append(pattern);
}

[[noreturn]] inline void raise_last() {
  int kind = 0;
  const char* text = api().last_error(&kind);
  throw Error(kind, text);
}
inline void check_status(int status) {
  if (__builtin_expect(status != 0, 0)) raise_last();
}
// Runs f for a caller on the other side of the ABI, where no exception may pass.
template <class F>
int guarded(const F& f) noexcept {
  try {
    f();
    return 0;
  } catch (const Error& e) {
    const std::string_view text(e.what());
    api().set_error(e.kind(), text.data(), text.size());
  } catch (const std::exception& e) {
    const std::string_view text(e.what());
    api().set_error(PLAIT_RUNTIME_ERROR, text.data(), text.size());
  } catch (...) {
    constexpr std::string_view text = "an exception of an unknown type was thrown in an extension";
    api().set_error(PLAIT_RUNTIME_ERROR, text.data(), text.size());
  }
  return -1;
}

}  // namespace detail

// Raises E with a message in which "{}" is replaced by the arguments in turn: up to eight, with default
// values rather than a parameter pack, which would be compiled anew for every combination of types. A good
// message says which op and argument, what was expected, what was given, and what to try.
template <class E = RuntimeError>
[[noreturn]] __attribute__((noinline, cold)) void fail(std::string_view pattern, MessageArg a = {},
                                                       MessageArg b = {}, MessageArg c = {},
                                                       MessageArg d = {}, MessageArg e = {},
                                                       MessageArg f = {}, MessageArg g = {},
                                                       MessageArg h = {}) {
  const MessageArg args[] = {a, b, c, d, e, f, g, h, {}, {}, {}, {}, {}, {}, {}, {}};
  detail::Text text;
  detail::format(text, pattern, args);
  throw E(text.view());
}
template <class E = ValueError>
inline void check(bool condition, std::string_view pattern, MessageArg a = {}, MessageArg b = {},
                  MessageArg c = {}, MessageArg d = {}, MessageArg e = {}, MessageArg f = {},
                  MessageArg g = {}, MessageArg h = {}) {
  if (__builtin_expect(!condition, 0)) fail<E>(pattern, a, b, c, d, e, f, g, h);
}

}  // namespace v1
}  // namespace plait
