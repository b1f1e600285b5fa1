#include <ATen/ATen.h>
#include <fmt/format.h>

#include "analysis/attention_report.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// A ratio of means r as the change that it is: sign * (r - 1).
Json ChangeJson(const Estimate& ratio, double sign) {
  Json json = {{"value", sign * (ratio.value - 1)}, {"low", nullptr}, {"high", nullptr}};
  if (ratio.interval) {
    const double a = sign * (ratio.interval->low - 1), b = sign * (ratio.interval->high - 1);
    json["low"] = std::min(a, b);
    json["high"] = std::max(a, b);
  }
  return json;
}

/// Means before and after, and the change from one to the other, of one statistic.
struct BeforeAfter {
  double before = 0;
  double after = 0;
  Estimate ratio = {};
};

/// Over windows and heads: [W, M] and [W, K].
BeforeAfter OverHeads(const at::Tensor& before_WM, const at::Tensor& after_WK, bool paired,
                      const BootstrapOptions& options) {
  return {before_WM.mean().item<double>(), after_WK.mean().item<double>(),
          RatioOverHeads(after_WK, before_WM, paired, options)};
}

/// Of each head by itself, over windows.
std::vector<BeforeAfter> EachHead(const at::Tensor& before_WM, const at::Tensor& after_WM,
                                  const BootstrapOptions& options) {
  const std::vector<Estimate> ratios = RatiosOfMeans(after_WM, before_WM, options);
  std::vector<BeforeAfter> heads;
  for (size_t head = 0; head < ratios.size(); ++head) {
    const auto mean = [&](const at::Tensor& values_WM) {
      return values_WM.select(1, static_cast<int64_t>(head)).mean().item<double>();
    };
    heads.push_back({mean(before_WM), mean(after_WM), ratios[head]});
  }
  return heads;
}

Json FigureJson(const BeforeAfter& received, const BeforeAfter& variance) {
  const auto pair = [](const BeforeAfter& x) {
    return Json{{"original", x.before}, {"masked", x.after}};
  };
  return {{"decay", ChangeJson(received.ratio, -1)},
          {"variance_increase", ChangeJson(variance.ratio, 1)},
          {"received", pair(received)},
          {"variance", pair(variance)}};
}

/// All layers and heads together.
Json OverallJson(const MaskStatistics& before, const MaskStatistics& after, bool paired,
                 const BootstrapOptions& options) {
  return FigureJson(
      OverHeads(before.received_RLH.flatten(1), after.received_RLH.flatten(1), paired, options),
      OverHeads(before.variance_RLH.flatten(1), after.variance_RLH.flatten(1), paired, options));
}

/// One layer; `paired`: both are of one model.
Json LayerJson(const MaskStatistics& before, const MaskStatistics& after, int64_t layer,
               bool paired, const BootstrapOptions& options) {
  const auto of = [&](const at::Tensor& values_WLH) { return values_WLH.select(1, layer); };
  const at::Tensor received = of(before.received_RLH);
  const at::Tensor received_masked = of(after.received_RLH);
  const at::Tensor variance = of(before.variance_RLH);
  const at::Tensor variance_masked = of(after.variance_RLH);
  Json json = {{"layer", layer}};
  json.update(FigureJson(OverHeads(received, received_masked, paired, options),
                         OverHeads(variance, variance_masked, paired, options)));
  const auto received_heads = EachHead(received, received_masked, options);
  const auto variance_heads = EachHead(variance, variance_masked, options);
  json["heads"] = Json::array();
  for (size_t head = 0; head < received_heads.size(); ++head) {
    Json by_head = {{"head", head}};
    by_head.update(FigureJson(received_heads[head], variance_heads[head]));
    json["heads"].push_back(std::move(by_head));
  }
  return json;
}

/// In all and by layer and head: layers and heads stand in pairs by their numbers, so models of
/// different shapes have none.
Json EffectJson(const MaskEffect& setting, const MaskStatistics& before,
                const MaskStatistics& after, bool paired, const BootstrapOptions& options) {
  Json result = {
      {"length", setting.length}, {"ratio", setting.ratio}, {"windows", setting.windows()}};
  result.update(OverallJson(before, after, paired, options));
  result["layers"] = Json::array();
  if (before.received_RLH.sizes() != after.received_RLH.sizes()) return result;
  for (int64_t layer = 0; layer < before.received_RLH.size(1); ++layer) {
    result["layers"].push_back(LayerJson(before, after, layer, paired, options));
  }
  return result;
}

/// Means over layers and heads of each window, with its masked positions.
Json WindowsJson(const MaskEffect& effect) {
  const auto mean = [](const at::Tensor& values_WLH, size_t window) {
    return values_WLH[static_cast<int64_t>(window)].mean().item<double>();
  };
  Json windows = Json::array();
  for (size_t w = 0; w < effect.masked.size(); ++w) {
    windows.push_back(
        {{"masked", effect.masked[w]},
         {"received",
          {mean(effect.original.received_RLH, w), mean(effect.with_masks.received_RLH, w)}},
         {"variance",
          {mean(effect.original.variance_RLH, w), mean(effect.with_masks.variance_RLH, w)}}});
  }
  return windows;
}

std::string Percent(const Json& change) {
  const double value = 100 * change["value"].get<double>();
  if (change["low"].is_null()) return fmt::format("{:.2f} %", value);
  return fmt::format("{:.2f} % [{:.2f}, {:.2f}]", value, 100 * change["low"].get<double>(),
                     100 * change["high"].get<double>());
}

std::vector<std::string> Cells(const Json& column) {
  const auto number = [](const Json& value) { return fmt::format("{:.4g}", value.get<double>()); };
  return {number(column["received"]["original"]),
          number(column["received"]["masked"]),
          Percent(column["decay"]),
          number(column["variance"]["original"]),
          number(column["variance"]["masked"]),
          Percent(column["variance_increase"])};
}

const std::vector<std::string> kColumns = {"at masks: X", "X'", "decay",
                                           "variance: X", "X'", "increase"};

void AddRow(TextTable& table, std::vector<std::string> words, const Json& column) {
  for (std::string& cell : Cells(column)) words.push_back(std::move(cell));
  table.rows.push_back(std::move(words));
}

std::string PairName(const Json& pair) {
  return fmt::format("{}(X') : {}(X)", pair["name"].get<std::string>(),
                     pair["baseline"].get<std::string>());
}

TextTable OverallTable(const Json& report) {
  TextTable table{.title = "Attention of the masked input X' against the original X",
                  .header = {"model", "length", "ratio", "windows"}};
  table.header.insert(table.header.end(), kColumns.begin(), kColumns.end());
  const auto add = [&](const std::string& name, const Json& result) {
    AddRow(table, {name, result["length"].dump(), result["ratio"].dump(), result["windows"].dump()},
           result);
  };
  for (const Json& run : report["runs"]) {
    for (const Json& result : run["results"]) add(run["name"].get<std::string>(), result);
  }
  for (const Json& pair : report["between"]) {
    for (const Json& result : pair["results"]) add(PairName(pair), result);
  }
  return table;
}

TextTable DetailTable(const std::string& name, const Json& result, bool heads) {
  TextTable table{
      .title = fmt::format("{}, length {}, ratio {}, by {}", name, result["length"].dump(),
                           result["ratio"].dump(), heads ? "head" : "layer"),
      .header = {heads ? "layer.head" : "layer"}};
  table.header.insert(table.header.end(), kColumns.begin(), kColumns.end());
  for (const Json& layer : result["layers"]) {
    const std::string number = layer["layer"].dump();
    if (!heads) AddRow(table, {number}, layer);
    if (!heads) continue;
    for (const Json& head : layer["heads"]) {
      AddRow(table, {number + "." + head["head"].dump()}, head);
    }
  }
  return table;
}

}  // namespace

Json MaskEffectJson(const std::vector<MaskEffectRun>& runs, const BootstrapOptions& options) {
  Json report = {
      {"format", "meap-attention-decay-1"}, {"runs", Json::array()}, {"between", Json::array()}};
  for (const MaskEffectRun& run : runs) {
    Json results = Json::array();
    for (const MaskEffect& effect : run.measure) {
      Json result =
          EffectJson(effect, effect.original, effect.with_masks, /*paired=*/true, options);
      result["by_window"] = WindowsJson(effect);
      results.push_back(std::move(result));
    }
    report["runs"].push_back(
        {{"name", run.name}, {"model", run.folder}, {"results", std::move(results)}});
  }
  for (size_t i = 1; i < runs.size(); ++i) {
    Json results = Json::array();
    for (size_t k = 0; k < runs[i].measure.size(); ++k) {
      const MaskEffect& effect = runs[i].measure[k];
      results.push_back(EffectJson(effect, runs[0].measure[k].original, effect.with_masks,
                                   /*paired=*/false, options));
    }
    report["between"].push_back(
        {{"baseline", runs[0].name}, {"name", runs[i].name}, {"results", std::move(results)}});
  }
  return report;
}

std::vector<TextTable> MaskEffectTables(const Json& report, const std::string& detail) {
  std::vector<TextTable> tables = {OverallTable(report)};
  if (detail.empty()) return tables;
  const auto add = [&](const std::string& name, const Json& results) {
    for (const Json& result : results) {
      if (result["layers"].empty()) continue;
      tables.push_back(DetailTable(name, result, detail == "heads"));
    }
  };
  for (const Json& run : report["runs"]) add(run["name"].get<std::string>(), run["results"]);
  for (const Json& pair : report["between"]) add(PairName(pair), pair["results"]);
  return tables;
}

}  // namespace meap
