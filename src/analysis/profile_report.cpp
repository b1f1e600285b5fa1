#include <ATen/ATen.h>
#include <fmt/format.h>

#include "analysis/attention_report.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

Json EstimateJson(const Estimate& estimate) {
  Json json = {{"value", estimate.value}, {"low", nullptr}, {"high", nullptr}};
  if (!estimate.interval) return json;
  json["low"] = estimate.interval->low;
  json["high"] = estimate.interval->high;
  return json;
}

std::vector<double> Numbers(const at::Tensor& values) {
  const at::Tensor flat = values.contiguous().view(-1);
  return {flat.const_data_ptr<double>(), flat.const_data_ptr<double>() + flat.numel()};
}

Json ProfileResult(const AttentionProfile& profile, const BootstrapOptions& options) {
  const ProfileStatistics& statistics = profile.statistics;
  const auto overall = [&](const at::Tensor& values_WLH) {
    return EstimateJson(Means(values_WLH.mean({1, 2}).unsqueeze(1), options)[0]);
  };
  Json result = {{"length", profile.length},
                 {"windows", statistics.entropy_RLH.size(0)},
                 {"entropy", overall(statistics.entropy_RLH)},
                 {"first_token", overall(statistics.first_RLH)},
                 {"distances", DistanceClasses(profile.length)},
                 {"distance_share", Numbers(statistics.distance_RLHW.mean({0, 1, 2}))},
                 {"layers", Json::array()}};
  const at::Tensor entropy_LH = statistics.entropy_RLH.mean(0);
  const at::Tensor first_LH = statistics.first_RLH.mean(0);
  const at::Tensor distance_LHW = statistics.distance_RLHW.mean(0);
  for (int64_t layer = 0; layer < entropy_LH.size(0); ++layer) {
    Json heads = Json::array();
    for (int64_t head = 0; head < entropy_LH.size(1); ++head) {
      heads.push_back({{"head", head},
                       {"entropy", entropy_LH[layer][head].item<double>()},
                       {"first_token", first_LH[layer][head].item<double>()},
                       {"distance_share", Numbers(distance_LHW[layer][head])}});
    }
    result["layers"].push_back({{"layer", layer},
                                {"entropy", entropy_LH[layer].mean().item<double>()},
                                {"first_token", first_LH[layer].mean().item<double>()},
                                {"distance_share", Numbers(distance_LHW[layer].mean(0))},
                                {"heads", std::move(heads)}});
  }
  return result;
}

std::string WithInterval(const Json& estimate, double scale) {
  const double value = scale * estimate["value"].get<double>();
  if (estimate["low"].is_null()) return fmt::format("{:.3f}", value);
  return fmt::format("{:.3f} [{:.3f}, {:.3f}]", value, scale * estimate["low"].get<double>(),
                     scale * estimate["high"].get<double>());
}

TextTable DistanceTable(const Json& report, size_t at) {
  const Json& first = report["runs"][0]["results"][at];
  TextTable table{
      .title = fmt::format("Share of attention by distance in tokens, length {}, per cent",
                           first["length"].dump()),
      .header = {"distance"}};
  for (const Json& run : report["runs"]) table.header.push_back(run["name"].get<std::string>());
  for (size_t c = 0; c < first["distances"].size(); ++c) {
    const auto begin = first["distances"][c].get<int64_t>();
    const int64_t end = c + 1 < first["distances"].size()
                            ? first["distances"][c + 1].get<int64_t>() - 1
                            : first["length"].get<int64_t>() - 1;
    std::vector<std::string> row = {begin == end ? std::to_string(begin)
                                                 : fmt::format("{}-{}", begin, end)};
    for (const Json& run : report["runs"]) {
      const double share = run["results"][at]["distance_share"][c].get<double>();
      row.push_back(fmt::format("{:.2f}", 100 * share));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Json ProfileJson(const std::vector<ProfileRun>& runs, const BootstrapOptions& options) {
  Json report = {{"format", "meap-attention-profile-1"}, {"runs", Json::array()}};
  for (const ProfileRun& run : runs) {
    Json results = Json::array();
    for (const AttentionProfile& profile : run.measure) {
      results.push_back(ProfileResult(profile, options));
    }
    report["runs"].push_back(
        {{"name", run.name}, {"model", run.folder}, {"results", std::move(results)}});
  }
  return report;
}

std::vector<TextTable> ProfileTables(const Json& report) {
  TextTable table{.title = "How attention is spread",
                  .header = {"model", "length", "windows", "entropy (nats)", "on first token (%)"}};
  for (const Json& run : report["runs"]) {
    for (const Json& result : run["results"]) {
      table.rows.push_back({run["name"].get<std::string>(), result["length"].dump(),
                            result["windows"].dump(), WithInterval(result["entropy"], 1),
                            WithInterval(result["first_token"], 100)});
    }
  }
  std::vector<TextTable> tables = {table};
  for (size_t at = 0; at < report["runs"][0]["results"].size(); ++at) {
    tables.push_back(DistanceTable(report, at));
  }
  return tables;
}

}  // namespace meap
