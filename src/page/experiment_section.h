// What the report says of experiments: the JSON that `meap experiment` writes
// (docs/experiments.md).
#pragma once

#include <vector>

#include "page/page.h"

namespace meap {

/// True for experiment.json.
bool IsExperiment(const nlohmann::ordered_json& document);

/// A table of all settings and a figure for each metric. A document whose numbers are not where
/// they should be is an InputError.
PageSection ExperimentSection(const std::vector<nlohmann::ordered_json>& documents);

}  // namespace meap
