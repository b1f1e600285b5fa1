#include "core/outputs.h"

#include <cerrno>

#include "core/error.h"

namespace meap {

std::string WriteHint(int error) {
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return full ? "free some disk space, or choose another place to write to"
              : "choose another place to write to, or change its permissions";
}

namespace {

void RequireDistinct(const std::vector<ChosenFile>& outputs,
                     const std::vector<ChosenFile>& inputs) {
  std::vector<ChosenFile> seen = inputs;
  for (const ChosenFile& output : outputs) {
    if (output.path.empty()) continue;
    for (const ChosenFile& other : seen) {
      if (other.path.empty() ||
          fs::weakly_canonical(output.path) != fs::weakly_canonical(other.path)) {
        continue;
      }
      throw InputError({.what = "one file would overwrite another",
                        .where = std::string(output.key) + " and " + std::string(other.key),
                        .expected = "different files",
                        .got = output.path.string() + " for both"});
    }
    seen.push_back(output);
  }
}

}  // namespace

void RequireOutputFiles(const std::vector<ChosenFile>& outputs,
                        const std::vector<ChosenFile>& inputs) {
  RequireDistinct(outputs, inputs);
  for (const auto& [key, path] : outputs) {
    if (path.empty()) continue;
    if (fs::is_directory(path)) {
      throw InputError({.what = "the output is a folder",
                        .where = std::string(key) + " = " + path.string(),
                        .expected = "the name of a file to write",
                        .hint = "name a file in that folder"});
    }
    if (path.has_parent_path()) MakeOutputDirectory(path.parent_path(), key);
  }
}

}  // namespace meap
