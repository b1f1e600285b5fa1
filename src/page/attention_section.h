// What the report says of attention: the JSON that `meap attention` writes (docs/analysis.md).
#pragma once

#include <vector>

#include "page/model_names.h"
#include "page/page.h"

namespace meap {

/// True for a document of `meap attention decay`, `profile` or `segments`.
bool IsAttentionReport(const nlohmann::ordered_json& document);

/// Figures and tables of all documents, with the page's names of their models. A document whose
/// numbers are not where they should be is an InputError.
PageSection AttentionSection(std::vector<nlohmann::ordered_json> documents, const ModelNames& names,
                             RunColors& colors);

}  // namespace meap
