// What an experiment file says: a recipe, a grid over its keys, and how each run is judged.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/files.h"

namespace meap {

/// Recipe keys with values, as YAML writes them: {"objective.mask_ratio", "0.15"}.
using KeyValues = std::vector<std::pair<std::string, std::string>>;

/// A key and the values it takes.
struct Axis {
  std::string key;
  std::vector<std::string> values;
};

/// Who is compared with whom: a setting that has all values of `setting` (none: any setting), with
/// the one that has the values of `with` in place of its own and equals it in everything else.
struct Pairing {
  KeyValues setting = {};
  KeyValues with = {};
};

/// Keys of the file, in its order. In every text "{output}" stands for the experiment's folder.
struct ExperimentFile {
  fs::path path;
  std::string about;                     // one line for the tables
  std::string command = "pretrain";      // or finetune
  fs::path recipe;                       // relative to the file
  KeyValues set = {};                    // over the recipe, in every cell
  std::vector<std::vector<Axis>> grids;  // every combination of each; together they are the cells
  std::vector<Pairing> baseline = {};    // the first that fits a setting holds
  std::vector<std::vector<std::string>> prepare = {};   // meap commands, run once before the cells
  std::vector<std::vector<std::string>> evaluate = {};  // meap commands, run for each model
  std::vector<std::string> metrics = {};                // what tables show; empty = all
  std::string output;
};

/// Reads and checks the file; `output` unless empty replaces its own. A missing file, broken YAML,
/// an unknown key, a wrong type, an empty grid: InputError with line and column.
ExperimentFile ReadExperimentFile(const fs::path& path, const std::string& output);

}  // namespace meap
