#include "eval/request.h"

#include "data/content_hash.h"

namespace meap {
namespace {

void AppendBytes(std::string& bytes, const void* data, size_t size) {
  bytes.append(static_cast<const char*>(data), size);
}

void AppendNumber(std::string& bytes, int64_t number) {
  AppendBytes(bytes, &number, sizeof number);
}

void AppendIds(std::string& bytes, const std::vector<int32_t>& ids) {
  AppendNumber(bytes, static_cast<int64_t>(ids.size()));
  AppendBytes(bytes, ids.data(), ids.size() * sizeof(int32_t));
}

}  // namespace

std::string RequestKey(const Request& request, std::string_view model, int64_t version) {
  std::string bytes(model);
  AppendNumber(bytes, version);
  AppendNumber(bytes, static_cast<int64_t>(request.kind));
  AppendIds(bytes, request.context);
  AppendIds(bytes, request.continuation);
  AppendNumber(bytes, request.max_new_tokens);
  AppendIds(bytes, request.end_tokens);
  bytes += request.stop;
  return ContentHash(bytes).Hex();
}

nlohmann::ordered_json ResponseToJson(const Response& response) {
  nlohmann::ordered_json json = {{"logprob", response.logprob}, {"tokens", response.tokens}};
  if (!response.text.empty()) json["text"] = response.text;
  for (const PositionSum& sum : response.positions) {
    json["positions"].push_back({sum.logprob, sum.tokens});
  }
  return json;
}

std::optional<Response> ResponseFromJson(const nlohmann::ordered_json& json) {
  try {
    Response response{.logprob = json.at("logprob").get<double>(),
                      .tokens = json.at("tokens").get<int64_t>(),
                      .text = json.value("text", "")};
    for (const auto& sum : json.value("positions", nlohmann::ordered_json::array())) {
      response.positions.push_back({sum.at(0).get<double>(), sum.at(1).get<int64_t>()});
    }
    return response;
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace meap
