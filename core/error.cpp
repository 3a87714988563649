#include "core/error.h"

#include <fmt/format.h>

#include "core/device.h"
#include "core/dtype.h"
#include "core/shape.h"

namespace plait {

MessageArg::MessageArg(const Dims& v) : kind(Kind::Shape), shape(v) {}
MessageArg::MessageArg(const Device& v)
    : kind(Kind::Device),
      integer(static_cast<int64_t>(v.type) * 256 + static_cast<uint8_t>(v.index)) {}

namespace {

std::string print(const MessageArg& arg) {
  switch (arg.kind) {
    case MessageArg::Kind::Int: return fmt::format("{}", arg.integer);
    case MessageArg::Kind::Double: return fmt::format("{}", arg.real);
    case MessageArg::Kind::Bool: return arg.integer ? "True" : "False";
    case MessageArg::Kind::Text: return std::string(arg.text);
    case MessageArg::Kind::Shape: {
      std::string text = "(";
      for (size_t i = 0; i < arg.shape.size(); ++i) text += fmt::format("{}{}", i ? ", " : "", arg.shape[i]);
      return text + (arg.shape.size() == 1 ? ",)" : ")");
    }
    case MessageArg::Kind::DType: return std::string(name(static_cast<DType>(arg.integer)));
    case MessageArg::Kind::Device: break;
  }
  return to_string(
      Device{static_cast<DeviceType>(arg.integer / 256), static_cast<int8_t>(arg.integer % 256)});
}

}  // namespace

std::string message(std::string_view format, std::span<const MessageArg> args) {
  std::string out;
  size_t next = 0;
  while (true) {
    const size_t hole = format.find("{}");
    out += format.substr(0, hole);
    if (hole == std::string_view::npos) return out;
    out += next < args.size() ? print(args[next++]) : "?";
    format.remove_prefix(hole + 2);
  }
}

}  // namespace plait
