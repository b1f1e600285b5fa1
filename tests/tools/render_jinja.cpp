// Renders templates for the Python tests. Lines on stdin: {"template", "variables"}; on stdout:
// {"text", "generation": [[begin, end]]} in bytes, or {"error"}.
#include <iostream>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "jinja/template.h"

namespace {

using meap::jinja::Dict;
using meap::jinja::None;
using meap::jinja::Sequence;
using meap::jinja::Value;
using nlohmann::ordered_json;

Value ToValue(const ordered_json& json) {
  if (json.is_null()) return None{};
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number_float()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array()) {
    Sequence list;
    for (const ordered_json& item : json) list.items.push_back(ToValue(item));
    return list;
  }
  Dict dict;
  for (const auto& [key, value] : json.items()) dict.Set(key, ToValue(value));
  return dict;
}

ordered_json Render(const ordered_json& line) {
  try {
    const meap::jinja::Template chat(line["template"].get<std::string>(), "template");
    const meap::jinja::Text text = chat.Render(ToValue(line["variables"]).dict());
    ordered_json spans = ordered_json::array();
    for (const auto& mark : text.marks) {
      if (mark.source == meap::jinja::kGenerationSource) spans.push_back({mark.begin, mark.end});
    }
    return {{"text", text.bytes}, {"generation", spans}};
  } catch (const meap::InputError& error) {
    return {{"error", error.parts().got}, {"where", error.parts().where}};
  }
}

}  // namespace

int main() {
  for (std::string line; std::getline(std::cin, line);) {
    std::cout << Render(ordered_json::parse(line)).dump() << "\n";
  }
}
