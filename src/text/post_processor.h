// The `post_processor` of a tokenizer.json, as far as it concerns single texts: which ids it puts
// before and after them.
#pragma once

#include <cstdint>
#include <vector>

#include "text/json_node.h"

namespace meap {

struct PostProcessor {
  std::vector<int32_t> before = {};
  std::vector<int32_t> after = {};

  PostProcessor() = default;
  /// Reads the `post_processor` object; a type that is not supported is an InputError.
  explicit PostProcessor(const JsonNode& node);

 private:
  void Add(const JsonNode& node);
  void AddTemplate(const JsonNode& node);
};

}  // namespace meap
