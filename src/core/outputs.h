// What can be said of an output before it is written, and after it could not be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"

namespace meap {

/// What to try when a write failed for the system's reason `error` (an errno): to free disk space,
/// if that is what lacks, or to write elsewhere.
std::string WriteHint(int error);

/// Creates the folder of `path`, a file to be written later, so that what cannot be written is
/// found out before the work. InputError naming `key`, the option that chose it, when that cannot
/// be, or `path` is a folder.
void RequireOutputFile(const fs::path& path, std::string_view key);

/// An output or input file, and the option that chose it.
struct ChosenFile {
  std::string_view key;
  fs::path path;  // "" where none was chosen
};

/// InputError when two of `outputs` are one file, or one of them is one of `inputs`: it would be
/// overwritten.
void RequireDistinct(const std::vector<ChosenFile>& outputs,
                     const std::vector<ChosenFile>& inputs = {});

}  // namespace meap
