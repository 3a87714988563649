#include "activity.h"

#include <dlfcn.h>
#include <elf.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "api.h"

namespace emulator {
namespace {

Tracer* g_tracer = nullptr;

// The functions of a library by their offset, from the symbol table of its file.
std::map<uint64_t, std::string> read_symbols(const char* path) {
  std::map<uint64_t, std::string> names;
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  const auto at = [&](uint64_t offset, uint64_t size) -> const char* {
    return offset <= bytes.size() && size <= bytes.size() - offset ? bytes.data() + offset : nullptr;
  };
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(at(0, sizeof(Elf64_Ehdr)));
  if (!header) return names;
  const auto* sections = reinterpret_cast<const Elf64_Shdr*>(
      at(header->e_shoff, uint64_t(header->e_shnum) * sizeof(Elf64_Shdr)));
  if (!sections) return names;
  for (int i = 0; i < header->e_shnum; ++i) {
    const Elf64_Shdr& table = sections[i];
    if (table.sh_type != SHT_SYMTAB || table.sh_link >= header->e_shnum) continue;
    const Elf64_Shdr& strings = sections[table.sh_link];
    const char* text = at(strings.sh_offset, strings.sh_size);
    const auto* symbols = reinterpret_cast<const Elf64_Sym*>(at(table.sh_offset, table.sh_size));
    if (!text || !symbols) continue;
    for (uint64_t n = 0; n < table.sh_size / sizeof(Elf64_Sym); ++n)
      if (ELF64_ST_TYPE(symbols[n].st_info) == STT_FUNC && symbols[n].st_name < strings.sh_size)
        names.emplace(symbols[n].st_value, text + symbols[n].st_name);
  }
  return names;
}

}  // namespace

Tracer* tracer() { return g_tracer; }

void set_tracer(Tracer* made) {
  Lock lock(mutex());
  g_tracer = made;
}

int64_t activity_clock() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

const char* symbol_name(const void* function) {
  static auto& libraries = *new std::map<const void*, std::map<uint64_t, std::string>>;
  static std::mutex& guard = *new std::mutex;
  Dl_info info{};
  if (!function || !dladdr(function, &info) || !info.dli_fname) return nullptr;
  const std::lock_guard lock(guard);
  const auto [library, added] = libraries.try_emplace(info.dli_fbase);
  if (added) library->second = read_symbols(info.dli_fname);
  const auto offset = uint64_t(static_cast<const char*>(function) - static_cast<const char*>(info.dli_fbase));
  const auto found = library->second.find(offset);
  return found == library->second.end() ? nullptr : found->second.c_str();
}

}  // namespace emulator
