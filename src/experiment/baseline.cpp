#include "experiment/baseline.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

[[noreturn]] void Fail(const ExperimentFile& file, ErrorParts parts) {
  parts.where = file.path.string() + ": baseline";
  throw InputError(parts);
}

void CheckKeys(const ExperimentFile& file) {
  std::vector<std::string> keys;
  for (const auto& grid : file.grids) {
    for (const Axis& axis : grid) {
      const bool known = std::find(keys.begin(), keys.end(), axis.key) != keys.end();
      if (axis.key != kSeedKey && !known) keys.push_back(axis.key);
    }
  }
  for (const Pairing& pairing : file.baseline) {
    for (const KeyValues* values : {&pairing.setting, &pairing.with}) {
      for (const auto& [key, value] : *values) {
        if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
        const std::string nearest = NearestName(key, keys);
        Fail(file, {.what = "the baseline names a key that no grid has",
                    .expected = "keys of the grid, without the seed: " + Join(keys, ", "),
                    .got = key,
                    .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
      }
    }
  }
}

bool HasAll(const Cell& cell, const KeyValues& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& pair) {
    return std::any_of(cell.values.begin(), cell.values.end(), [&](const auto& own) {
      return own.first == pair.first && SameValue(own.second, pair.second);
    });
  });
}

void CheckSettings(const ExperimentFile& file, const std::vector<Cell>& cells) {
  for (const Pairing& pairing : file.baseline) {
    if (std::any_of(cells.begin(), cells.end(),
                    [&](const Cell& cell) { return HasAll(cell, pairing.setting); })) {
      continue;
    }
    Fail(file, {.what = "the baseline is for a setting that the grid does not have",
                .got = Cell{.values = pairing.setting, .hash = {}}.Name(/*with_seed=*/true)});
  }
}

Cell WithValues(const ExperimentFile& file, KeyValues values, const KeyValues& replaced) {
  for (const auto& [key, value] : replaced) {
    const auto own = std::find_if(values.begin(), values.end(),
                                  [&key = key](const auto& pair) { return pair.first == key; });
    if (own == values.end()) {
      values.emplace_back(key, value);
    } else {
      own->second = value;
    }
  }
  return ResolveCell(file, std::move(values));
}

}  // namespace

void PairWithBaselines(const ExperimentFile& file, std::vector<Cell>& cells) {
  CheckKeys(file);
  CheckSettings(file, cells);
  std::map<std::string, std::string> names;  // of the settings, by the hashes of their cells
  for (const Cell& cell : cells) names[cell.hash] = cell.Name(/*with_seed=*/false);
  std::set<std::string> paired;
  std::map<std::string, std::string> missing;  // settings, and what one of their cells lacks
  for (Cell& cell : cells) {
    const auto pairing =
        std::find_if(file.baseline.begin(), file.baseline.end(),
                     [&](const Pairing& entry) { return HasAll(cell, entry.setting); });
    if (pairing == file.baseline.end()) continue;
    const Cell other = WithValues(file, cell.values, pairing->with);
    if (other.hash == cell.hash) continue;
    const auto found = names.find(other.hash);
    if (found == names.end()) {
      missing.emplace(names[cell.hash],
                      cell.Name(true) + ", with the baseline's values " + other.Name(true));
      continue;
    }
    cell.baseline = found->first;
    cell.baseline_name = found->second;
    paired.insert(names[cell.hash]);
  }
  for (const auto& [name, lacks] : missing) {
    if (paired.contains(name)) continue;
    Fail(file, {.what = "the baseline of a setting is not in the grid",
                .expected = "every setting again with the baseline's values",
                .got = lacks,
                .hint = "add it to the grid, or pair settings by hand: "
                        "baseline: [{setting: {...}, with: {...}}]"});
  }
}

}  // namespace meap
