#include "data/parquet_library.h"

#include <dlfcn.h>

#include "core/error.h"
#include "data/parquet_plugin.h"

namespace meap::internal {
namespace {

/// The plugin, looked for beside the program and in ../lib.
void* Library() {
  static void* const library = []() -> void* {
    std::error_code ignored;
    const fs::path folder = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    for (const fs::path& place : {folder, folder.parent_path() / "lib"}) {
      void* found = ::dlopen((place / kParquetPluginName).c_str(), RTLD_NOW | RTLD_LOCAL);
      if (found != nullptr) return found;
    }
    return nullptr;
  }();
  return library;
}

}  // namespace

void* ParquetFunction(const fs::path& file, const char* symbol) {
  void* library = Library();
  void* function = library == nullptr ? nullptr : ::dlsym(library, symbol);
  if (function != nullptr) return function;
  const char* reason = ::dlerror();
  throw InputError({.what = "meap cannot read Parquet here",
                    .where = file.string(),
                    .expected = std::string(kParquetPluginName) + " beside the program",
                    .got = reason != nullptr ? reason : "no such library",
                    .hint =
                        "build it: .venv/bin/pip install pyarrow, then cmake and make again; or "
                        "convert the file to JSON Lines"});
}

void FailBrokenParquet(const std::string& where, const std::exception& error) {
  throw InputError({.what = "broken Parquet file",
                    .where = where,
                    .expected = "a complete Parquet file",
                    .got = error.what(),
                    .hint = "download or write the file again"});
}

}  // namespace meap::internal
