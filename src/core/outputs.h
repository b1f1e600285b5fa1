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

/// An output or input file, and the option that chose it.
struct ChosenFile {
  std::string_view key;
  fs::path path;  // "" where none was chosen
};

/// Creates the folders of files to be written later, so that what cannot be written is found out
/// before the work. InputError naming the option when that cannot be, or the path is a folder; when
/// two of `outputs` are one file, or one of them is one of `inputs`, which it would overwrite.
void RequireOutputFiles(const std::vector<ChosenFile>& outputs,
                        const std::vector<ChosenFile>& inputs = {});

}  // namespace meap
