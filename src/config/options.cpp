#include "config/options.h"

#include <fmt/format.h>

#include "core/strings.h"

namespace meap {
namespace {

/// A YAML scalar that reads back as the same text.
std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '\n') {
      quoted += "\\n";
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

std::string NumberText(double value) { return fmt::format("{}", value); }

}  // namespace

void OptionLister::Visit(const std::string& name, std::string& value, const OptionInfo& info) {
  options_.push_back({name, "text", Quoted(value), info});
}

void OptionLister::Visit(const std::string& name, bool& value, const OptionInfo& info) {
  options_.push_back({name, "true or false", value ? "true" : "false", info});
}

void OptionLister::Visit(const std::string& name, int64_t& value, const OptionInfo& info) {
  options_.push_back({name, "integer", std::to_string(value), info});
}

void OptionLister::Visit(const std::string& name, double& value, const OptionInfo& info) {
  options_.push_back({name, "number", NumberText(value), info});
}

void OptionLister::Visit(const std::string& name, std::vector<std::string>& value,
                         const OptionInfo& info) {
  std::vector<std::string> parts;
  for (const std::string& part : value) parts.push_back(Quoted(part));
  options_.push_back({name, "list of text", "[" + Join(parts, ", ") + "]", info});
}

void OptionLister::Visit(const std::string& name, std::vector<double>& value,
                         const OptionInfo& info) {
  std::vector<std::string> parts;
  for (const double part : value) parts.push_back(NumberText(part));
  options_.push_back({name, "list of numbers", "[" + Join(parts, ", ") + "]", info});
}

std::string DumpYaml(const std::vector<OptionText>& options) {
  std::string text;
  std::vector<std::string> open;  // the sections the last line stood in
  for (const OptionText& option : options) {
    std::vector<std::string> path;
    size_t begin = 0;
    for (size_t dot = 0; (dot = option.name.find('.', begin)) != std::string::npos;
         begin = dot + 1) {
      path.push_back(option.name.substr(begin, dot - begin));
    }
    size_t common = 0;
    while (common < path.size() && common < open.size() && path[common] == open[common]) ++common;
    for (size_t depth = common; depth < path.size(); ++depth) {
      text += std::string(2 * depth, ' ') + path[depth] + ":\n";
    }
    text +=
        std::string(2 * path.size(), ' ') + option.name.substr(begin) + ": " + option.value + "\n";
    open = std::move(path);
  }
  return text;
}

}  // namespace meap
