#include "page/attention_section.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

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

std::string NameOf(const Json& run) { return run.at("name").get<std::string>(); }

std::string Estimate(const Json& estimate, double scale, const char* unit) {
  std::string text = fmt::format("{:.2f}{}", scale * estimate.at("value").get<double>(), unit);
  if (!estimate.at("low").is_number()) return text;
  return text + fmt::format(" [{:.2f}, {:.2f}]", scale * estimate.at("low").get<double>(),
                            scale * estimate.at("high").get<double>());
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
    const std::string name = run.value("name", std::string("model"));
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

void AddDecayTable(const Json& document, size_t number, PageSection& section) {
  PageTable table{
      .id = "decay-" + std::to_string(number),
      .title = "What masks do to attention",
      .header = {"model", "length", "ratio", "windows", "score decay", "variance increase"},
      .note =
          "Decay: how much less attention masked positions get than the same "
          "positions of the text without masks. Increase: of the variance of attention "
          "over the other positions. Intervals: bootstrap over windows."};
  const auto add = [&](const std::string& name, const Json& results) {
    for (const Json& result : results) {
      table.rows.push_back({name, result.at("length").dump(), result.at("ratio").dump(),
                            result.at("windows").dump(), Estimate(result.at("decay"), 100, " %"),
                            Estimate(result.at("variance_increase"), 100, " %")});
    }
  };
  for (const Json& run : document.at("runs")) add(NameOf(run), run.at("results"));
  for (const Json& pair : document.value("between", Json::array())) {
    add(fmt::format("{}(X') against {}(X)", NameOf(pair), pair.at("baseline").get<std::string>()),
        pair.at("results"));
  }
  section.AddTable(table);
}

/// Decay by layer at one length and ratio, a line a model.
Figure DecayByLayer(const Json& document, size_t setting, const std::string& id,
                    RunColors& colors) {
  Figure figure{
      .id = id, .title = "Score decay by layer", .x_label = "layer", .y_label = "per cent"};
  SeriesTable table("layer");
  for (const Json& run : document.at("runs")) {
    const Json& result = run.at("results").at(setting);
    figure.caption = fmt::format("Length {}, mask ratio {}.", result.at("length").dump(),
                                 result.at("ratio").dump());
    SeriesTable::Points points;
    for (const Json& layer : result.at("layers")) {
      points.emplace_back(layer.at("layer").get<double>(),
                          100 * layer.at("decay").at("value").get<double>());
    }
    table.Add(NameOf(run), points);
    figure.series.push_back(
        {.name = NameOf(run), .color = colors.Of(NameOf(run)), .markers = true});
  }
  table.Fill(figure);
  return figure;
}

/// Decay of every head of a model.
Figure DecayByHead(const Json& run, const Json& result, const std::string& id) {
  Figure figure{.id = id,
                .title = NameOf(run) + ": score decay by head, per cent",
                .caption = fmt::format("Length {}, mask ratio {}.", result.at("length").dump(),
                                       result.at("ratio").dump()),
                .kind = Figure::Kind::kHeatMap,
                .x_label = "head",
                .y_label = "layer",
                .columns = {"layer"}};
  for (const Json& layer : result.at("layers")) {
    auto& row = figure.rows.emplace_back();
    row.push_back(layer.at("layer"));
    for (const Json& head : layer.at("heads")) {
      if (figure.rows.size() == 1) figure.columns.push_back(head.at("head").dump());
      row.emplace_back(100 * head.at("decay").at("value").get<double>());
    }
  }
  return figure;
}

void AddDecay(const Json& document, size_t number, RunColors& colors, PageSection& section) {
  AddDecayTable(document, number, section);
  const std::string id = "decay-" + std::to_string(number);
  const Json& runs = document.at("runs");
  for (size_t s = 0; s < runs.at(0).at("results").size(); ++s) {
    section.AddFigure(DecayByLayer(document, s, id + "-layers-" + std::to_string(s), colors));
  }
  section.AddHtml("<div class=pair>\n");
  for (size_t r = 0; r < runs.size(); ++r) {
    const Json& results = runs[r].at("results");
    // One setting is enough of what is large: the table and the lines above have all of them.
    if (results.empty()) continue;
    section.AddFigure(DecayByHead(runs[r], results.back(), id + "-heads-" + std::to_string(r)));
  }
  section.AddHtml("</div>\n");
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
    figure.columns.push_back(NameOf(run));
    figure.series.push_back({.name = NameOf(run), .color = colors.Of(NameOf(run))});
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
      table.rows.push_back({NameOf(run), result.at("length").dump(), result.at("windows").dump(),
                            Estimate(result.at("entropy"), 1, ""),
                            Estimate(result.at("first_token"), 100, " %")});
    }
  }
  section.AddTable(table);
  for (size_t s = 0; s < document.at("runs").at(0).at("results").size(); ++s) {
    const std::string id = fmt::format("distance-{}-{}", number, s);
    section.AddFigure(DistanceFigure(document, s, id, colors));
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

PageSection AttentionSection(const std::vector<Json>& documents, RunColors& colors) {
  PageSection section("Attention");
  size_t number = 0;
  try {
    for (const Json& document : documents) {
      const Json format = document.value("format", Json());
      if (format == kDecay) {
        AddDecay(document, number++, colors, section);
      } else if (format == kProfile) {
        AddProfile(document, number++, colors, section);
      } else {
        AddSegments(document, number++, colors, section);
      }
    }
  } catch (const Json::exception& error) {
    throw InputError({.what = "an attention file is not as `meap attention` writes it",
                      .expected = "what docs/analysis.md describes",
                      .got = error.what()});
  }
  return section;
}

}  // namespace meap
