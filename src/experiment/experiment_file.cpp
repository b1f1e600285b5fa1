#include "experiment/experiment_file.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <sstream>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

/// Reads values with the place of each for messages.
class FileReader {
 public:
  explicit FileReader(fs::path path) : path_(std::move(path)) {}

  std::string Place(const YAML::Node& node) const {
    return fmt::format("{}:{}:{}", path_.string(), node.Mark().line + 1, node.Mark().column + 1);
  }
  [[noreturn]] void Fail(const YAML::Node& node, const std::string& key,
                         const std::string& expected) const {
    throw InputError({.what = "bad value for " + key, .where = Place(node), .expected = expected});
  }

  std::string Text(const YAML::Node& node, const std::string& key) const {
    if (!node.IsScalar()) Fail(node, key, "a text");
    return Filled(node.Scalar());
  }
  /// A value as a recipe would have it: a scalar, or a list in one line.
  std::string Value(const YAML::Node& node, const std::string& key) const {
    if (!node.IsScalar() && !node.IsSequence()) Fail(node, key, "a value or a list of values");
    YAML::Emitter emitter;
    emitter << YAML::Flow << node;
    return Filled(emitter.c_str());
  }
  KeyValues Map(const YAML::Node& node, const std::string& name) const {
    if (!node.IsMap()) Fail(node, name, "recipe keys with values");
    KeyValues values;
    for (const auto& entry : node) {
      const std::string key = Text(entry.first, name);
      values.emplace_back(key, Value(entry.second, key));
    }
    return values;
  }
  std::vector<Axis> Grid(const YAML::Node& node) const {
    if (!node.IsMap()) Fail(node, "grid", "recipe keys with lists of values, or a list of such");
    std::vector<Axis> axes;
    for (const auto& entry : node) {
      Axis axis{Text(entry.first, "grid"), {}};
      if (entry.second.IsSequence()) {
        for (const auto& value : entry.second) axis.values.push_back(Value(value, axis.key));
      } else {
        axis.values.push_back(Value(entry.second, axis.key));
      }
      if (axis.values.empty()) Fail(entry.second, axis.key, "at least one value");
      axes.push_back(std::move(axis));
    }
    return axes;
  }
  std::vector<std::vector<Axis>> Grids(const YAML::Node& node) const {
    std::vector<std::vector<Axis>> grids;
    if (!node.IsSequence()) return {Grid(node)};
    for (const auto& grid : node) grids.push_back(Grid(grid));
    if (grids.empty()) Fail(node, "grid", "at least one grid");
    return grids;
  }
  /// A map says what a baseline has in place of any setting's own values; a list pairs by hand.
  std::vector<Pairing> Pairings(const YAML::Node& node) const {
    if (!node.IsSequence()) return {{.with = Map(node, "baseline")}};
    std::vector<Pairing> pairings;
    for (const auto& entry : node) {
      if (!entry.IsMap() || entry.size() != 2 || !entry["setting"] || !entry["with"]) {
        Fail(entry, "baseline", "{setting: {KEY: VALUE, ...}, with: {KEY: VALUE, ...}}");
      }
      pairings.push_back({Map(entry["setting"], "setting"), Map(entry["with"], "with")});
    }
    return pairings;
  }
  std::vector<std::string> Texts(const YAML::Node& node, const std::string& key) const {
    if (!node.IsSequence()) Fail(node, key, "a list of texts");
    std::vector<std::string> texts;
    for (const auto& item : node) texts.push_back(Text(item, key));
    return texts;
  }
  /// Command lines of meap: a text is split at blanks, a list is taken word by word.
  std::vector<std::vector<std::string>> Commands(const YAML::Node& node,
                                                 const std::string& key) const {
    if (!node.IsSequence()) Fail(node, key, "a list of meap command lines");
    std::vector<std::vector<std::string>> commands;
    for (const auto& item : node) {
      std::vector<std::string> words;
      if (item.IsSequence()) {
        words = Texts(item, key);
      } else {
        std::istringstream text(Text(item, key));
        for (std::string word; text >> word;) words.push_back(word);
      }
      if (words.empty()) Fail(item, key, "a meap command line");
      commands.push_back(std::move(words));
    }
    return commands;
  }

  void SetOutput(std::string output) { output_ = std::move(output); }

 private:
  std::string Filled(std::string text) const {
    constexpr std::string_view kOutput = "{output}";
    for (size_t at = 0; (at = text.find(kOutput, at)) != std::string::npos;) {
      text.replace(at, kOutput.size(), output_);
      at += output_.size();
    }
    return text;
  }

  fs::path path_;
  std::string output_;
};

using KeyReader = std::function<void(const YAML::Node&)>;

std::vector<std::pair<std::string, KeyReader>> Keys(const FileReader& reader,
                                                    ExperimentFile& file) {
  const auto text = [&](std::string& to, const char* key) {
    return [&reader, &to, key](const YAML::Node& node) { to = reader.Text(node, key); };
  };
  return {
      {"about", text(file.about, "about")},
      {"command",
       [&](const YAML::Node& node) {
         file.command = reader.Text(node, "command");
         if (file.command != "pretrain" && file.command != "finetune") {
           reader.Fail(node, "command", "pretrain or finetune");
         }
       }},
      {"recipe",
       [&](const YAML::Node& node) {
         file.recipe = (file.path.parent_path() / reader.Text(node, "recipe")).lexically_normal();
       }},
      {"set", [&](const YAML::Node& node) { file.set = reader.Map(node, "set"); }},
      {"grid", [&](const YAML::Node& node) { file.grids = reader.Grids(node); }},
      {"baseline", [&](const YAML::Node& node) { file.baseline = reader.Pairings(node); }},
      {"prepare", [&](const YAML::Node& node) { file.prepare = reader.Commands(node, "prepare"); }},
      {"evaluate",
       [&](const YAML::Node& node) { file.evaluate = reader.Commands(node, "evaluate"); }},
      {"metrics", [&](const YAML::Node& node) { file.metrics = reader.Texts(node, "metrics"); }},
      {"output", [](const YAML::Node&) {}},  // read before the others
  };
}

YAML::Node Parse(const fs::path& path) {
  YAML::Node root;
  try {
    root = YAML::Load(ReadFile(path, "experiment"));
  } catch (const YAML::Exception& error) {
    throw InputError({.what = "broken YAML",
                      .where = fmt::format("{}:{}:{}", path.string(), error.mark.line + 1,
                                           error.mark.column + 1),
                      .got = error.msg,
                      .hint = "check the indentation and the quotes there"});
  }
  if (root.IsMap()) return root;
  throw InputError({.what = "an experiment is a list of keys and values",
                    .where = path.string(),
                    .expected = "recipe, grid and output, at least"});
}

}  // namespace

ExperimentFile ReadExperimentFile(const fs::path& path, const std::string& output) {
  const YAML::Node root = Parse(path);
  ExperimentFile file;
  file.path = path;
  FileReader reader(path);
  file.output = output;
  if (output.empty() && root["output"]) file.output = reader.Text(root["output"], "output");
  reader.SetOutput(file.output);
  const auto keys = Keys(reader, file);
  std::vector<std::string> names;
  for (const auto& [name, read] : keys) names.push_back(name);
  for (const auto& entry : root) {
    const auto name = entry.first.as<std::string>();
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::string nearest = NearestName(name, names);
      throw InputError({.what = "unknown key " + name,
                        .where = reader.Place(entry.first),
                        .expected = "one of " + Join(names, ", "),
                        .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
    }
    keys[static_cast<size_t>(found - names.begin())].second(entry.second);
  }
  for (const auto& [name, missing] : {std::pair{"recipe", file.recipe.empty()},
                                      {"grid", file.grids.empty()},
                                      {"output", file.output.empty()}}) {
    if (missing) {
      throw InputError(
          {.what = std::string("the experiment lacks ") + name, .where = path.string()});
    }
  }
  return file;
}

}  // namespace meap
