// The built-in chat templates.
#pragma once

#include <span>
#include <string_view>

namespace meap::internal {

struct BuiltInTemplate {
  std::string_view name;
  std::string_view source;                  // Jinja
  std::span<const std::string_view> needs;  // tokens that it cannot do without
};

/// All of them. None says BOS more than once; those that do not say it at all leave it to the
/// tokenizer.
std::span<const BuiltInTemplate> AllBuiltInTemplates();

}  // namespace meap::internal
