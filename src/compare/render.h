// A comparison for people and programs.
#pragma once

#include <string>

#include "compare/comparison.h"

namespace meap {

/// Aligned tables; with `color`, heat maps as coloured cells.
std::string RenderTerminal(const Comparison& comparison, bool color);
/// GitHub-flavoured Markdown.
std::string RenderMarkdown(const Comparison& comparison);
/// All numbers, unrounded. Keys: runs, options, metrics, positions, heat_maps, notes.
std::string RenderJson(const Comparison& comparison);
/// One page that needs nothing else: styles and drawings are in it.
std::string RenderHtml(const Comparison& comparison);

}  // namespace meap
