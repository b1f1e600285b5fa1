#include "page/experiment_section.h"

#include <fmt/format.h>

#include "core/console.h"
#include "core/error.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// A mean with its interval over seeds; "-" for a metric that a setting lacks.
std::string MeanText(const Json& mean, bool sign) {
  if (!mean.is_object() || !mean.at("mean").is_number()) return "-";
  const auto number = [&](const char* key) {
    const double value = mean.at(key).get<double>();
    return sign ? fmt::format("{:+.4f}", value) : fmt::format("{:.4f}", value);
  };
  if (!mean.at("low").is_number()) return number("mean");
  return number("mean") + " [" + number("low") + ", " + number("high") + "]";
}

Json MetricOf(const Json& setting, const std::string& metric) {
  return setting.at("metrics").value(metric, Json());
}

PageTable SettingsTable(const Json& document, const std::string& id) {
  PageTable table{.id = id,
                  .title = "Settings: mean over seeds [95 % interval]",
                  .header = {"setting", "compared with", "seeds", "training", "tokens"}};
  const auto metrics = document.at("metrics").get<std::vector<std::string>>();
  for (const std::string& metric : metrics) {
    table.header.insert(table.header.end(), {metric, "difference", "p"});
  }
  for (const Json& setting : document.at("settings")) {
    const bool baseline = setting.value("baseline", false);
    auto& row = table.rows.emplace_back();
    row = {setting.at("name").get<std::string>() + (baseline ? " (baseline)" : ""),
           setting.value("compared_with", std::string()), setting.at("seeds").dump(),
           FormatDuration(setting.at("train_seconds").get<double>()),
           FormatCount(setting.at("tokens").get<double>())};
    for (const std::string& metric : metrics) {
      const Json value = MetricOf(setting, metric);
      const Json difference = value.is_object() ? value.value("difference", Json()) : Json();
      const Json p = difference.is_object() ? difference.value("p", Json()) : Json();
      row.push_back(MeanText(value, false));
      row.push_back(MeanText(difference, true));
      row.push_back(p.is_number() ? fmt::format("{:.4f}", p.get<double>()) : "-");
    }
  }
  return table;
}

Figure MetricFigure(const Json& document, const std::string& metric, const std::string& id) {
  Figure figure{.id = id,
                .title = metric,
                .caption = "Mean over seeds, with the 95 % interval of the mean.",
                .kind = Figure::Kind::kBars,
                .x_label = "setting",
                .y_label = metric,
                .columns = {"setting", metric, "low", "high"},
                .series = {{.name = metric, .interval = true}}};
  for (const Json& setting : document.at("settings")) {
    const Json value = MetricOf(setting, metric);
    auto& row = figure.rows.emplace_back();
    row.push_back(setting.at("name"));
    for (const char* key : {"mean", "low", "high"}) {
      row.push_back(value.is_object() ? value.at(key) : Json());
    }
  }
  return figure;
}

void AddExperiment(const Json& document, size_t number, PageSection& section) {
  const std::string id = "experiment-" + std::to_string(number);
  const std::string about = document.value("about", std::string());
  section.AddText(about.empty() ? document.value("file", std::string()) : about);
  section.AddTable(SettingsTable(document, id));
  section.AddHtml("<div class=pair>\n");
  for (const Json& metric : document.at("metrics")) {
    const auto name = metric.get<std::string>();
    section.AddFigure(MetricFigure(document, name, Slug(id + "-" + name)));
  }
  section.AddHtml("</div>\n");
}

}  // namespace

bool IsExperiment(const Json& document) {
  return document.is_object() && document.value("format", Json()) == "meap-experiment-1";
}

PageSection ExperimentSection(const std::vector<Json>& documents) {
  PageSection section("Experiments");
  try {
    for (size_t i = 0; i < documents.size(); ++i) AddExperiment(documents[i], i, section);
  } catch (const Json::exception& error) {
    throw InputError({.what = "an experiment file is not as `meap experiment` writes it",
                      .expected = "what docs/experiments.md describes",
                      .got = error.what()});
  }
  return section;
}

}  // namespace meap
