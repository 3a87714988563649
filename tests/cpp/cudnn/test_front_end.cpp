// What cuDNN's front end and cuDNN look for at run time, which no linker's path leads to.
#include <dlfcn.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "catch.h"
#include "core/library.h"
#include "cuda/vendor/cudnn_runtime.h"

using namespace plait::cuda;

namespace {

// Python is not here to say where packages lie.
const bool told = [] {
  plait::set_package_folders(+[] { return std::vector<std::string>{PLAIT_TEST_PACKAGES}; });
  return true;
}();

std::set<std::string> matches(const std::string& text, const char* pattern) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator at(text.begin(), text.end(), expression), end; at != end; ++at)
    found.insert((*at)[1]);
  return found;
}

}  // namespace

TEST_CASE("the front end finds every function of the CUDA runtime in this library") {
  REQUIRE(told);
  CHECK(open_for_front_end("libcudart.so.12", RTLD_NOW) == nullptr);
  void* const runtime = open_for_front_end("libcudart.so.13", RTLD_NOW);
  REQUIRE(runtime);
  CHECK(symbol_for_front_end(runtime, "cudaNoSuchFunction") == nullptr);
  std::stringstream shim;
  shim << std::ifstream(PLAIT_TEST_SHIM).rdbuf();
  auto names = matches(shim.str(), R"(NV_FE_CALL_TO_CUDA\(\s*\w+,\s*(cuda[A-Z]\w+))");
  names.merge(matches(shim.str(), R"re(CudaLibrary::CUDART, "(\w+)")re"));
  names.insert("cudaGetDriverEntryPointByVersion");
  CHECK(names.size() > 30);
  for (const std::string& name : names) {
    INFO(name);
    // The forms of CUDA 12 are asked for where the runtime is of CUDA 12.
    if (!name.ends_with("_v2")) CHECK(symbol_for_front_end(runtime, name.c_str()));
  }
}

TEST_CASE("NVRTC compiles for cuDNN without a library path") {
  REQUIRE(told);
  void* const nvrtc = dlopen("libnvrtc.so.13", RTLD_NOW | RTLD_NOLOAD);  // cuDNN's loading has loaded it
  if (!nvrtc) SUCCEED("there is no NVRTC");
  if (!nvrtc) return;
  int major = 0, minor = 0;
  reinterpret_cast<int (*)(int*, int*)>(dlsym(nvrtc, "nvrtcVersion"))(&major, &minor);
  const std::string builtins = "libnvrtc-builtins.so." + std::to_string(major) + "." + std::to_string(minor);
  CHECK(dlopen(builtins.c_str(), RTLD_NOW | RTLD_NOLOAD));
}
