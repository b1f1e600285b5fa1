#include <ATen/ATen.h>
#include <fmt/format.h>

#include "analysis/attention_report.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// {"name", "tokens", "share"} of each of the first C segments.
Json SharesJson(const SegmentShares& shares, const at::Tensor& shares_LHC) {
  const at::Tensor mean_C = shares_LHC.mean({0, 1});
  Json list = Json::array();
  for (int64_t c = 0; c < mean_C.size(0); ++c) {
    const auto at = static_cast<size_t>(c);
    list.push_back({{"name", shares.tokens.names[at]},
                    {"tokens", shares.counts[at]},
                    {"share", mean_C[c].item<double>()}});
  }
  return list;
}

Json ByLayer(const at::Tensor& shares_LHC) {
  const at::Tensor mean_LC = shares_LHC.mean(1).contiguous();
  Json layers = Json::array();
  for (int64_t layer = 0; layer < mean_LC.size(0); ++layer) {
    const double* row = mean_LC[layer].const_data_ptr<double>();
    layers.push_back(std::vector<double>(row, row + mean_LC.size(1)));
  }
  return layers;
}

Json RunJson(const SegmentRun& run) {
  const SegmentShares& shares = run.measure;
  Json json = {{"name", run.name},
               {"model", run.folder},
               {"segments", SharesJson(shares, shares.last_token_LHC)},
               {"by_layer", ByLayer(shares.last_token_LHC)}};
  if (shares.generated_LHC.defined()) {
    json["generated"] = {{"text", shares.generated},
                         {"segments", SharesJson(shares, shares.generated_LHC)},
                         {"by_layer", ByLayer(shares.generated_LHC)}};
  }
  return json;
}

/// Shares of one kind, a column a model; a model without them has none.
TextTable SharesTable(const std::string& title, const std::vector<Json>& runs,
                      const std::vector<const Json*>& shares) {
  TextTable table{.title = title, .header = {"segment", "tokens"}};
  for (const Json& run : runs) table.header.push_back(run["name"].get<std::string>());
  const Json* longest = nullptr;
  for (const Json* list : shares) {
    if (list != nullptr && (longest == nullptr || list->size() > longest->size())) longest = list;
  }
  if (longest == nullptr) return table;
  for (size_t c = 0; c < longest->size(); ++c) {
    const Json& segment = (*longest)[c];
    std::vector<std::string> row = {segment["name"].get<std::string>(), segment["tokens"].dump()};
    for (const Json* list : shares) {
      row.push_back(list == nullptr || c >= list->size()
                        ? "-"
                        : fmt::format("{:.2f}", 100 * (*list)[c]["share"].get<double>()));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

}  // namespace

Json SegmentJson(const std::vector<SegmentRun>& runs) {
  if (runs.size() == 1) return RunJson(runs[0]);
  Json report = {{"runs", Json::array()}};
  for (const SegmentRun& run : runs) report["runs"].push_back(RunJson(run));
  return report;
}

std::vector<TextTable> SegmentTables(const Json& report) {
  std::vector<Json> runs;
  if (report.contains("runs")) {
    runs.assign(report["runs"].begin(), report["runs"].end());
  } else {
    runs = {report};
  }
  std::vector<const Json*> last, generated;
  bool any = false;
  for (const Json& run : runs) {
    last.push_back(&run["segments"]);
    generated.push_back(run.contains("generated") ? &run["generated"]["segments"] : nullptr);
    any = any || generated.back() != nullptr;
  }
  std::vector<TextTable> tables = {
      SharesTable("Attention of the text's last token, per cent", runs, last)};
  if (any) {
    tables.push_back(
        SharesTable("Attention of the answer's tokens, mean, per cent", runs, generated));
  }
  return tables;
}

}  // namespace meap
