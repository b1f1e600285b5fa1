#include "judge/batch_file.h"

#include <set>
#include <unordered_map>

#include "evaltext/data_items.h"
#include "judge/chat_client.h"
#include "judge/dialogue.h"

namespace meap {
namespace {

using Json = nlohmann::ordered_json;

/// Calls each(judge, request) for every request that can be made now.
template <class Each>
void ForOpenRequests(const std::vector<Judge>& judges, const std::vector<std::string>& prompts,
                     const ReplyCache& cache, bool repair, const Each& each) {
  for (const Judge& judge : judges) {
    for (const std::string& prompt : prompts) {
      if (const DialogueStep step = NextStep(judge, prompt, cache, repair); step.request) {
        each(judge, *step.request);
      }
    }
  }
}

/// The outcome that one line of a reply file tells.
ChatOutcome OutcomeOf(const DataItem& line) {
  const Json* error = line.Find("error");
  if (error != nullptr && !error->is_null()) {
    return {ChatOutcome::Kind::kRefused, error->dump()};
  }
  const Json* body = line.Find("response.body");
  if (body == nullptr) line.Fail("response.body", "the reply of a batch request");
  return ReadAnswer(static_cast<int>(line.Integer("response.status_code")), "", body->dump());
}

}  // namespace

std::vector<BatchFile> WriteBatches(const std::vector<Judge>& judges,
                                    const std::vector<std::string>& prompts,
                                    const ReplyCache& cache, bool repair, const fs::path& folder) {
  MakeOutputDirectory(folder, "--batch-write");
  std::vector<BatchFile> files;
  for (const Judge& judge : judges) {
    BatchFile file{.judge = judge.name, .file = folder / (judge.name + ".jsonl")};
    std::string lines;
    ForOpenRequests({judge}, prompts, cache, repair,
                    [&](const Judge&, const JudgeRequest& request) {
                      const Json line = {{"custom_id", request.key},
                                         {"method", "POST"},
                                         {"url", "/v1/chat/completions"},
                                         {"body", request.body}};
                      lines += line.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
                      ++file.requests;
                    });
    if (file.requests > 0) {
      WriteFileAtomically(file.file, lines);
    } else {
      fs::remove(file.file);  // requests of an earlier call, answered by now
    }
    files.push_back(std::move(file));
  }
  return files;
}

BatchReplies ReadBatchReplies(const std::vector<fs::path>& files, const std::vector<Judge>& judges,
                              const std::vector<std::string>& prompts, ReplyCache& cache,
                              bool repair) {
  std::unordered_map<std::string, const Judge*> open;
  ForOpenRequests(
      judges, prompts, cache, repair,
      [&](const Judge& judge, const JudgeRequest& request) { open[request.key] = &judge; });
  BatchReplies replies;
  std::set<std::string> refused;
  for (const fs::path& file : files) {
    for (const DataItem& line : ReadDataItems(file)) {
      const std::string key = line.Text("custom_id");
      const auto found = open.find(key);
      const ChatOutcome outcome = OutcomeOf(line);
      if (found == open.end()) {
        ++replies.unknown;
      } else if (outcome.kind != ChatOutcome::Kind::kReply) {
        ++replies.failed;
        replies.last_failure = outcome.text;
        if (outcome.kind == ChatOutcome::Kind::kRefused) refused.insert(key);
      } else {
        Json about = {{"judge", found->second->name}, {"model", found->second->model}};
        if (outcome.usage.is_object()) about["usage"] = outcome.usage;
        cache.Store(key, outcome.text, about);
        open.erase(found);
        ++replies.kept;
      }
    }
  }
  for (const std::string& key : refused) {
    if (const auto found = open.find(key); found != open.end()) {
      ++replies.refused[found->second->name];
    }
  }
  return replies;
}

}  // namespace meap
