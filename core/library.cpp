#include "core/library.h"

#include <dlfcn.h>

namespace plait {
namespace {

std::string last_error() {
  const char* text = dlerror();
  return text ? text : "unknown reason";
}

std::vector<std::string> (*g_package_folders)() = nullptr;

// With a slash at its end; empty where it cannot be found out.
std::string own_folder() {
  Dl_info self{};
  if (!dladdr(reinterpret_cast<const void*>(&load_symbol), &self) || !self.dli_fname) return {};
  const std::string own = self.dli_fname;
  const size_t slash = own.rfind('/');
  return slash == std::string::npos ? std::string() : own.substr(0, slash + 1);
}

}  // namespace

void set_package_folders(std::vector<std::string> (*provider)()) { g_package_folders = provider; }

void* load_library(const std::string& file) {
  constexpr int flags = RTLD_NOW | RTLD_LOCAL;
  if (void* library = dlopen(file.c_str(), flags | RTLD_NOLOAD)) return library;
  if (void* library = dlopen(file.c_str(), flags)) return library;
  if (file.find('/') != std::string::npos) return nullptr;
  const std::string own = own_folder();
  if (void* library = dlopen((own + file).c_str(), flags)) return library;
  std::vector<std::string> folders;
  if (g_package_folders) folders = g_package_folders();
  if (!own.empty()) folders.push_back(own + "../..");  // the package's own site-packages
  for (const std::string& folder : folders)
    for (const char* part :
         {"nvidia/cu13/lib/", "nvidia/cudnn/lib/", "nvidia/cublas/lib/", "nvidia/nccl/lib/"})
      if (void* library = dlopen((folder + "/" + part + file).c_str(), flags)) return library;
  return nullptr;
}

LoadedSymbol load_symbol(const std::string& file, const char* symbol) {
  std::string path = file;
  if (file.find('/') == std::string::npos) {
    const std::string own = own_folder();
    if (own.empty()) return {nullptr, "the folder of libplait.so could not be found out"};
    path = own + file;
  }
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) return {nullptr, last_error()};
  void* address = dlsym(library, symbol);
  if (!address) return {nullptr, last_error()};
  return {address, {}};
}

}  // namespace plait
