// libmeap_parquet.so, found and loaded when the first Parquet file is opened.
#pragma once

#include <exception>
#include <string>

#include "core/files.h"

namespace meap::internal {

/// A function of the plugin. InputError naming `file` where the plugin is not to be had.
void* ParquetFunction(const fs::path& file, const char* symbol);

/// Throws the InputError for a file that Arrow cannot read.
[[noreturn]] void FailBrokenParquet(const std::string& where, const std::exception& error);

}  // namespace meap::internal
