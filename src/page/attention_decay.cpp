#include "page/attention_decay.h"

#include <fmt/format.h>

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// One of the two numbers that masks change.
struct Measure {
  const char* key;
  const char* id;
  const char* title;
};
constexpr Measure kMeasures[] = {{"decay", "decay", "Score decay"},
                                 {"variance_increase", "variance", "Variance increase"}};

/// What is measured at every setting: a model, or a model with masks against the first without.
struct Part {
  std::string name;
  std::string model;  // has the colour
  std::string dash;
  Json results;
};

std::vector<Part> PartsOf(const Json& document) {
  std::vector<Part> parts;
  for (const Json& run : document.at("runs")) {
    const auto name = run.at("name").get<std::string>();
    parts.push_back({name, name, "solid", run.at("results")});
  }
  for (const Json& pair : document.value("between", Json::array())) {
    const auto model = pair.at("name").get<std::string>();
    parts.push_back(
        {fmt::format("{}(X') against {}(X)", model, pair.at("baseline").get<std::string>()), model,
         "dash", pair.at("results")});
  }
  return parts;
}

void AddTable(const std::vector<Part>& parts, size_t number, PageSection& section) {
  PageTable table{
      .id = "decay-" + std::to_string(number),
      .title = "What masks do to attention",
      .header = {"model", "length", "ratio", "windows", "score decay", "variance increase"},
      .note =
          "Decay: how much less attention masked positions get than the same "
          "positions of the text without masks. Increase: of the variance of attention "
          "over the other positions. Intervals: bootstrap over windows and heads."};
  for (const Part& part : parts) {
    for (const Json& result : part.results) {
      table.rows.push_back({part.name, result.at("length").dump(), result.at("ratio").dump(),
                            result.at("windows").dump(),
                            EstimateText(result.at("decay"), 100, " %"),
                            EstimateText(result.at("variance_increase"), 100, " %")});
    }
  }
  section.AddTable(table);
}

std::string Setting(const Json& result) {
  return fmt::format("Length {}, mask ratio {}.", result.at("length").dump(),
                     result.at("ratio").dump());
}

/// None between models of different shapes.
Json LayersOf(const Json& result) { return result.value("layers", Json::array()); }

double Percent(const Json& layer_or_head, const Measure& measure) {
  return 100 * layer_or_head.at(measure.key).at("value").get<double>();
}

/// One measure by layer at one setting, a line a part.
Figure ByLayer(const std::vector<Part>& parts, size_t setting, const Measure& measure,
               size_t number, RunColors& colors) {
  Figure figure{.id = fmt::format("{}-{}-layers-{}", measure.id, number, setting),
                .title = fmt::format("{} by layer", measure.title),
                .caption = Setting(parts.at(0).results.at(setting)),
                .x_label = "layer",
                .y_label = "per cent"};
  SeriesTable table("layer");
  for (const Part& part : parts) {
    SeriesTable::Points points;
    for (const Json& layer : LayersOf(part.results.at(setting))) {
      points.emplace_back(layer.at("layer").get<double>(), Percent(layer, measure));
    }
    if (points.empty()) continue;
    table.Add(part.name, points);
    figure.series.push_back(
        {.name = part.name, .color = colors.Of(part.model), .dash = part.dash, .markers = true});
  }
  table.Fill(figure);
  return figure;
}

/// One measure of every head of a part at one setting.
Figure ByHead(const Part& part, size_t setting, const Measure& measure, const std::string& id) {
  const Json& result = part.results.at(setting);
  Figure figure{.id = id,
                .title = fmt::format("{}: {} by head, per cent", part.name, measure.title),
                .caption = Setting(result),
                .kind = Figure::Kind::kHeatMap,
                .x_label = "head",
                .y_label = "layer",
                .columns = {"layer"}};
  for (const Json& layer : LayersOf(result)) {
    auto& row = figure.rows.emplace_back();
    row.push_back(layer.at("layer"));
    for (const Json& head : layer.at("heads")) {
      if (figure.rows.size() == 1) figure.columns.push_back(head.at("head").dump());
      row.emplace_back(Percent(head, measure));
    }
  }
  return figure;
}

}  // namespace

std::string EstimateText(const Json& estimate, double scale, const char* unit) {
  std::string text = fmt::format("{:.2f}{}", scale * estimate.at("value").get<double>(), unit);
  if (!estimate.at("low").is_number()) return text;
  return text + fmt::format(" [{:.2f}, {:.2f}]", scale * estimate.at("low").get<double>(),
                            scale * estimate.at("high").get<double>());
}

void AddDecay(const Json& document, size_t number, RunColors& colors, PageSection& section) {
  const std::vector<Part> parts = PartsOf(document);
  AddTable(parts, number, section);
  for (size_t s = 0; s < parts.at(0).results.size(); ++s) {
    section.AddHtml("<div class=pair>\n");
    for (const Measure& measure : kMeasures) {
      section.AddFigure(ByLayer(parts, s, measure, number, colors));
    }
    for (size_t p = 0; p < parts.size(); ++p) {
      for (const Measure& measure : kMeasures) {
        const std::string id = fmt::format("{}-{}-heads-{}-{}", measure.id, number, p, s);
        section.AddFigure(ByHead(parts[p], s, measure, id));
      }
    }
    section.AddHtml("</div>\n");
  }
}

}  // namespace meap
