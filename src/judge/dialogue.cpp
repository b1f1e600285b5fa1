#include "judge/dialogue.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kRepair =
    "Your reply does not end with a verdict line. Answer with that one line only: `VERDICT: YES` "
    "if "
    "there is a hallucination or `VERDICT: NO` if there is none.";

JudgeRequest MakeRequest(const Judge& judge, Json messages) {
  JudgeRequest request;
  request.body = {{"model", judge.model}, {"messages", std::move(messages)}};
  if (judge.temperature >= 0) request.body["temperature"] = judge.temperature;
  if (judge.max_tokens > 0) request.body[judge.max_tokens_key] = judge.max_tokens;
  const std::string content =
      judge.url + "\n" + request.body.dump(-1, ' ', true, Json::error_handler_t::replace);
  request.key = HashHex(content.data(), content.size());
  return request;
}

}  // namespace

DialogueStep NextStep(const Judge& judge, const std::string& prompt, const ReplyCache& cache,
                      bool repair) {
  Json messages = Json::array({{{"role", "user"}, {"content", prompt}}});
  for (bool repaired = false;; repaired = true) {
    JudgeRequest request = MakeRequest(judge, messages);
    const std::optional<std::string> reply = cache.Find(request.key);
    if (!reply) return {.request = std::move(request)};
    const Verdict verdict = ParseVerdict(*reply);
    if (verdict != Verdict::kUndecided || !repair || repaired) {
      return {.request = std::nullopt, .opinion = {verdict, *reply, repaired}};
    }
    messages.push_back({{"role", "assistant"}, {"content", *reply}});
    messages.push_back({{"role", "user"}, {"content", kRepair}});
  }
}

}  // namespace meap
