#include "extension/loader.h"

#include <dlfcn.h>

#include <mutex>
#include <unordered_map>

#include "autograd/boxed_op.h"
#include "extension/handles.h"
#include "plait/abi.h"

namespace plait {
namespace {

struct Loader {
  std::recursive_mutex mutex;
  std::unordered_map<std::string, std::vector<BoxedOp*>> current;  // by the extension's name
  std::unordered_map<const plait_extension*, std::vector<std::string>> libraries;
  std::vector<BoxedOp*>* declaring = nullptr;
};
Loader& loader() {
  static auto* instance = new Loader;
  return *instance;
}

void check_version(const plait_extension& info, const std::string& path) {
  if (info.abi_version == PLAIT_ABI_VERSION && info.api_size <= sizeof(plait_api)) return;
  const bool newer = info.abi_version > PLAIT_ABI_VERSION || info.api_size > sizeof(plait_api);
  fail<RuntimeError>(
      "load_library: '{}' was built with {} plait (ABI {}, table of {} bytes; this is plait {} with ABI {}, "
      "table of {} bytes): {}",
      path, newer ? "a newer" : "an older", info.abi_version, info.api_size, PLAIT_VERSION, PLAIT_ABI_VERSION,
      sizeof(plait_api),
      newer ? "upgrade plait, or build the extension again with this one"
            : "build the extension again with this plait");
}

}  // namespace

void note_declared_op(BoxedOp& op) {
  std::lock_guard lock(loader().mutex);
  if (loader().declaring) loader().declaring->push_back(&op);
}

std::vector<std::string> load_extension(const std::string& path) {
  Loader& self = loader();
  std::lock_guard lock(self.mutex);
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) {
    const char* why = dlerror();
    fail<RuntimeError>("load_library: '{}' could not be loaded: {}", path, why ? why : "unknown reason");
  }
  const auto* info = static_cast<const plait_extension*>(dlsym(library, "plait_extension_info"));
  if (!info) {
    dlclose(library);
    fail<RuntimeError>(
        "load_library: '{}' is not a plait extension: it does not export plait_extension_info; include "
        "<plait/extension.h> in one of its sources",
        path);
  }
  const auto known = self.libraries.find(info);
  if (known != self.libraries.end()) return known->second;  // the same file again

  check_version(*info, path);
  const std::string name = info->name ? info->name : "";
  std::vector<BoxedOp*>& current = self.current[name];
  std::vector<BoxedOp*> declared;
  for (BoxedOp* op : current) op->remove();
  std::vector<BoxedOp*>* const outer = std::exchange(self.declaring, &declared);
  const int status = info->init(plait_get_api(PLAIT_ABI_VERSION));
  self.declaring = outer;
  if (status != 0) {
    for (BoxedOp* op : declared) op->remove();
    for (BoxedOp* op : current) op->restore();
    abi::rethrow();
  }
  current = declared;
  std::vector<std::string>& names = self.libraries[info];
  for (const BoxedOp* op : declared) names.push_back(op->full_name());
  return names;  // the library stays: recorded graphs and op objects point into it
}

}  // namespace plait
