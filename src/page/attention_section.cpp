#include "page/attention_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/error.h"
#include "page/attention_decay.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kDecay = "meap-attention-decay-1";
constexpr const char* kProfile = "meap-attention-profile-1";

/// The models' parts of a document; one of a single model is its own part.
std::vector<Json> RunsOf(const Json& document) {
  const auto runs = document.find("runs");
  if (runs == document.end()) return {document};
  return {runs->begin(), runs->end()};
}

/// Shares of the segments as bars, a colour a model.
Figure SegmentFigure(const std::string& id, const std::string& title, const std::string& caption,
                     const std::vector<std::pair<std::string, Json>>& models, RunColors& colors) {
  Figure figure{.id = id,
                .title = title,
                .caption = caption,
                .kind = Figure::Kind::kBars,
                .x_label = "segment",
                .y_label = "share of attention",
                .columns = {"segment"}};
  for (size_t m = 0; m < models.size(); ++m) {
    const auto& [name, segments] = models[m];
    figure.columns.push_back(name);
    figure.series.push_back({.name = name, .color = colors.Of(name)});
    for (const Json& segment : segments) {
      const Json& label = segment.at("name");
      auto row = std::find_if(figure.rows.begin(), figure.rows.end(),
                              [&](const auto& cells) { return cells[0] == label; });
      if (row == figure.rows.end()) {
        row = figure.rows.insert(figure.rows.end(), std::vector<Json>(models.size() + 1));
        (*row)[0] = label;
      }
      (*row)[m + 1] = segment.at("share").get<double>();
    }
  }
  return figure;
}

void AddSegments(const Json& document, size_t number, RunColors& colors, PageSection& section) {
  std::vector<std::pair<std::string, Json>> last;
  std::vector<std::pair<std::string, Json>> answer;
  for (const Json& run : RunsOf(document)) {
    const auto name = run.at("name").get<std::string>();
    last.emplace_back(name, run.at("segments"));
    if (run.contains("generated")) {
      answer.emplace_back(name, run.at("generated").at("segments"));
    }
  }
  const std::string id = "segments-" + std::to_string(number);
  section.AddFigure(SegmentFigure(id, "Attention of the last token by segment",
                                  "Mean over layers and heads; the shares of a model sum to 1.",
                                  last, colors));
  section.AddFigure(SegmentFigure(id + "-answer", "Attention of the answer's tokens by segment",
                                  "Mean over the tokens of a greedy answer, layers and heads.",
                                  answer, colors));
}

/// Shares of attention by distance at one length, a group of bars a distance class.
Figure DistanceFigure(const Json& document, size_t setting, const std::string& id,
                      RunColors& colors) {
  const Json& first = document.at("runs").at(0).at("results").at(setting);
  Figure figure{.id = id,
                .title = "Attention by distance",
                .caption = fmt::format("From a query back to the key, length {}; mean over layers, "
                                       "heads and windows. Each class ends before the next one.",
                                       first.at("length").dump()),
                .kind = Figure::Kind::kBars,
                .x_label = "distance from, tokens",
                .y_label = "share of attention",
                .columns = {"distance"}};
  for (const Json& distance : first.at("distances")) figure.rows.push_back({distance});
  for (const Json& run : document.at("runs")) {
    const auto name = run.at("name").get<std::string>();
    figure.columns.push_back(name);
    figure.series.push_back({.name = name, .color = colors.Of(name)});
    const Json& shares = run.at("results").at(setting).at("distance_share");
    for (size_t c = 0; c < figure.rows.size(); ++c) figure.rows[c].push_back(shares.at(c));
  }
  return figure;
}

void AddProfile(const Json& document, size_t number, RunColors& colors, PageSection& section) {
  PageTable table{.id = "profile-" + std::to_string(number),
                  .title = "How attention is spread",
                  .header = {"model", "length", "windows", "entropy, nats", "on the first token"}};
  for (const Json& run : document.at("runs")) {
    for (const Json& result : run.at("results")) {
      table.rows.push_back({run.at("name").get<std::string>(), result.at("length").dump(),
                            result.at("windows").dump(), EstimateText(result.at("entropy"), 1, ""),
                            EstimateText(result.at("first_token"), 100, " %")});
    }
  }
  section.AddTable(table);
  for (size_t s = 0; s < document.at("runs").at(0).at("results").size(); ++s) {
    const std::string id = fmt::format("distance-{}-{}", number, s);
    section.AddFigure(DistanceFigure(document, s, id, colors));
  }
}

/// Gives the document's models the names that the page has for them.
void NameModels(Json& document, const ModelNames& names) {
  std::map<std::string, std::string> renamed;
  const auto rename = [&](Json& run) {
    const auto own = run.value("name", std::string("model"));
    renamed[own] = names.Of(own, run.value("model", ""));
    run["name"] = renamed[own];
  };
  if (!document.contains("runs")) return rename(document);
  for (Json& run : document.at("runs")) rename(run);
  if (!document.contains("between")) return;
  for (Json& pair : document.at("between")) {
    for (const char* key : {"name", "baseline"}) {
      pair.at(key) = renamed.at(pair.at(key).get<std::string>());
    }
  }
}

}  // namespace

bool IsAttentionReport(const Json& document) {
  if (!document.is_object()) return false;
  const Json format = document.value("format", Json());
  if (format == kDecay || format == kProfile) return true;
  const std::vector<Json> runs = RunsOf(document);
  return !runs.empty() && std::all_of(runs.begin(), runs.end(), [](const Json& run) {
    return run.is_object() && run.contains("segments") && run.at("segments").is_array();
  });
}

PageSection AttentionSection(std::vector<Json> documents, const ModelNames& names,
                             RunColors& colors) {
  PageSection section("Attention");
  size_t number = 0;
  try {
    for (Json& document : documents) {
      NameModels(document, names);
      const Json format = document.value("format", Json());
      if (format == kDecay) {
        AddDecay(document, number++, colors, section);
      } else if (format == kProfile) {
        AddProfile(document, number++, colors, section);
      } else {
        AddSegments(document, number++, colors, section);
      }
    }
  } catch (const std::exception& error) {  // of JSON, or a name or setting that is not there
    throw InputError({.what = "an attention file is not as `meap attention` writes it",
                      .expected = "what docs/analysis.md describes",
                      .got = error.what()});
  }
  return section;
}

}  // namespace meap
