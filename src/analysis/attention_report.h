// What the attention measures say, as JSON (all numbers, docs/analysis.md) and as tables.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "analysis/ratio_interval.h"
#include "analysis/segment_attention.h"
#include "analysis/studies.h"
#include "core/text_table.h"

namespace meap {

/// A model's part of a report.
template <class Measure>
struct MeasuredModel {
  std::string name;    // different for each model of a report
  std::string folder;  // as given
  Measure measure;
};
using MaskEffectRun = MeasuredModel<std::vector<MaskEffect>>;
using ProfileRun = MeasuredModel<std::vector<AttentionProfile>>;
using SegmentRun = MeasuredModel<SegmentShares>;

/// Decay and variance increase within each model, in all, by layer and by head, and of every later
/// model on X' against the first on X (by layer and head where both have as many). All runs
/// measured the same windows, lengths and ratios.
nlohmann::ordered_json MaskEffectJson(const std::vector<MaskEffectRun>& runs,
                                      const BootstrapOptions& options);
/// The same in all, read from that JSON, and `detail` "layers" or "heads" by those.
std::vector<TextTable> MaskEffectTables(const nlohmann::ordered_json& report,
                                        const std::string& detail);

nlohmann::ordered_json ProfileJson(const std::vector<ProfileRun>& runs,
                                   const BootstrapOptions& options);
std::vector<TextTable> ProfileTables(const nlohmann::ordered_json& report);

/// One model: {"model", "name", "segments": [{"name", "tokens", "share"}], "by_layer",
/// "generated"}; several: {"runs": [...]}.
nlohmann::ordered_json SegmentJson(const std::vector<SegmentRun>& runs);
std::vector<TextTable> SegmentTables(const nlohmann::ordered_json& report);

}  // namespace meap
