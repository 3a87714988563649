// Errors, and the table through which all calls into plait go. Part of plait/extension.h.
#pragma once

#include <exception>
#include <span>
#include <string_view>

#include "plait/abi.h"

#ifndef PLAIT_EXTENSION_NAME
#define PLAIT_EXTENSION_NAME "extension"
#endif

// In a program that links libplait; absent in an extension, to which plait hands its table.
extern "C" __attribute__((weak)) const plait_api* plait_get_api(uint32_t abi_version);

namespace plait {
inline namespace v1 {

enum class DType : int32_t;

namespace detail {

inline const plait_api* g_api = nullptr;
void register_ops();  // plait/op.h

inline const plait_api& find_api() {
  if (!g_api && plait_get_api) {
    g_api = plait_get_api(PLAIT_ABI_VERSION);
    if (g_api) register_ops();
  }
  if (!g_api) __builtin_trap();  // neither linked to libplait nor loaded by plait
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

namespace detail {

inline void append_arg(Text& text, std::string_view v) { text.append(v); }
inline void append_arg(Text& text, const char* v) { text.append(std::string_view(v)); }
inline void append_arg(Text& text, double v) { text.append(v); }
inline void append_arg(Text& text, bool v) { text.append(std::string_view(v ? "true" : "false")); }
template <class T>
requires(std::is_integral_v<T> && !std::is_same_v<T, bool>) inline void append_arg(Text& text, T v) {
  text.append(static_cast<int64_t>(v));
}
inline void append_arg(Text& text, DType v) {
  constexpr std::string_view names[] = {"bool",    "uint8",   "int8",      "int16",
                                        "int32",   "int64",   "float16",   "bfloat16",
                                        "float32", "float64", "complex64", "complex128"};
  text.append(names[static_cast<int>(v)]);
}
inline void append_arg(Text& text, std::span<const int64_t> shape) {
  text.append(std::string_view("("));
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i) text.append(std::string_view(", "));
    text.append(shape[i]);
  }
  text.append(std::string_view(shape.size() == 1 ? ",)" : ")"));
}

inline void format(Text& text, std::string_view pattern) { text.append(pattern); }
template <class First, class... Rest>
void format(Text& text, std::string_view pattern, const First& first, const Rest&... rest) {
  const size_t at = pattern.find("{}");
  if (at == std::string_view::npos) return text.append(pattern);
  text.append(pattern.substr(0, at));
  append_arg(text, first);
  format(text, pattern.substr(at + 2), rest...);
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

// Raises E with a message in which "{}" is replaced by the arguments in turn. A good message says which op
// and argument, what was expected, what was given, and what to try.
template <class E = RuntimeError, class... Args>
[[noreturn]] __attribute__((noinline, cold)) void fail(std::string_view pattern, const Args&... args) {
  detail::Text text;
  detail::format(text, pattern, args...);
  throw E(text.view());
}
template <class E = ValueError, class... Args>
inline void check(bool condition, std::string_view pattern, const Args&... args) {
  if (__builtin_expect(!condition, 0)) fail<E>(pattern, args...);
}

}  // namespace v1
}  // namespace plait
