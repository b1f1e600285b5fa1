// What a run reads, told apart by content.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace meap {

/// Name and hash of each input: {"data.train stories.jsonl", "0a1b..."}.
using InputHashes = std::vector<std::pair<std::string, std::string>>;

}  // namespace meap
