// What the report says of `meap attention decay`: score decay and variance increase, in all, by
// layer and by head, at every length and ratio.
#pragma once

#include "page/page.h"

namespace meap {

/// A figure of `meap attention` with its interval: "12.30 % [11.00, 13.10]".
std::string EstimateText(const nlohmann::ordered_json& estimate, double scale, const char* unit);

/// Table and figures of a document; `number` tells its ids from those of other documents.
void AddDecay(const nlohmann::ordered_json& document, size_t number, RunColors& colors,
              PageSection& section);

}  // namespace meap
