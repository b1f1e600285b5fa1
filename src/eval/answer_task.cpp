#include <algorithm>

#include "eval/task.h"

namespace meap {
namespace {

/// An item as its model gets it.
struct Prompt {
  GenerationItem item;
  RenderedPrompt asked = {};   // what the model reads
  int64_t max_new_tokens = 0;  // of the answer: the item's, or what the context leaves
  std::string skipped = {};    // the reason, when it is not asked
  bool shortened = false;

  int64_t size() const { return static_cast<int64_t>(asked.tokens.size()); }
  bool capped() const { return skipped.empty() && max_new_tokens < item.max_new_tokens; }
};

bool InChat(const GenerationItem& item, const ModelView& model) {
  return model.encode_chat && !item.chat.empty();
}

RenderedPrompt Encode(const GenerationItem& item, const ModelView& model) {
  if (InChat(item, model)) return model.encode_chat(item.chat);
  return {item.prompt, model.encode_prompt(item.prompt)};
}

/// A reason and, behind a colon, the item's numbers: SkippedText() counts by what stands before it.
std::string TooLongText(const std::string& what, int64_t tokens, int64_t limit) {
  return "the prompt is longer than " + what + ": " + std::to_string(tokens) + " tokens, at most " +
         std::to_string(limit) + " fit";
}

/// Makes the prompt fit: prompt and answer share the model's context. Only a document gives way to
/// the answer; any other prompt stays whole, and the answer gets what is left.
Prompt Fit(GenerationItem item, const ModelView& model) {
  Prompt prompt{.item = std::move(item)};
  prompt.asked = Encode(prompt.item, model);
  const int64_t limit = prompt.item.prompt_limit_tokens;
  const bool shortens = prompt.item.too_long == TooLong::kShorten;
  const int64_t answer = shortens ? prompt.item.max_new_tokens : 1;
  const int64_t room = model.max_length_tokens - answer;
  if (limit > 0 && limit < model.max_length_tokens && prompt.size() > limit) {
    prompt.skipped = TooLongText("the task's limit", prompt.size(), limit);
    return prompt;
  }
  while (shortens && prompt.size() > room && prompt.item.document_size > 0) {
    prompt.item = ShortenPrompt(prompt.item, model.codec, prompt.size() - room);
    prompt.asked = Encode(prompt.item, model);
    prompt.shortened = true;
  }
  if (prompt.size() > room) {
    prompt.skipped = TooLongText(
        shortens ? "what its answer leaves of the model's context" : "the model's context",
        prompt.size(), room);
  }
  prompt.max_new_tokens =
      std::min<int64_t>(prompt.item.max_new_tokens, model.max_length_tokens - prompt.size());
  return prompt;
}

nlohmann::ordered_json SettingsOf(const std::vector<Prompt>& prompts, const ModelView& model) {
  const bool chat =
      prompts.empty() ? static_cast<bool>(model.encode_chat) : InChat(prompts[0].item, model);
  nlohmann::ordered_json settings = {{"prompt", chat ? "chat template" : "base"}, {"greedy", true}};
  if (chat) settings["chat_template"] = model.chat_template;
  if (!prompts.empty()) settings["max_new_tokens"] = prompts[0].item.max_new_tokens;
  return settings;
}

template <typename F>
int64_t Count(const std::vector<Prompt>& prompts, const F& is) {
  return std::count_if(prompts.begin(), prompts.end(), is);
}

class AnswerTask : public EvalTask {
 public:
  AnswerTask(TaskInfo info, std::shared_ptr<const GenerationTask> task)
      : info_(std::move(info)), task_(std::move(task)) {}

  const TaskInfo& info() const override { return info_; }

  TaskPlan Plan(const EvalInputs& inputs, const ModelView& model) const override {
    TaskPlan plan;
    std::vector<Prompt> prompts;
    const TaskInputs items{.data = inputs.data,
                           .limit = inputs.limit,
                           .codec = &model.codec,
                           .max_length_tokens = model.max_length_tokens,
                           .chat = static_cast<bool>(model.encode_chat)};
    for (GenerationItem& item : task_->Items(items)) {
      Prompt prompt = Fit(std::move(item), model);
      if (prompt.skipped.empty()) {
        plan.requests.push_back(
            {.kind = Request::Kind::kGenerate,
             .context = prompt.asked.tokens,
             .max_new_tokens = prompt.max_new_tokens,
             .stop = prompt.item.stop,
             .end_tokens = InChat(prompt.item, model) ? model.end_tokens : std::vector<int32_t>()});
      }
      prompts.push_back(std::move(prompt));
    }
    plan.settings = SettingsOf(prompts, model);
    plan.finish = [this, prompts = std::move(prompts)](std::span<const Response> responses) {
      return Finish(prompts, responses);
    };
    return plan;
  }

 private:
  TaskOutcome Finish(const std::vector<Prompt>& prompts,
                     std::span<const Response> responses) const {
    TaskOutcome result;
    size_t next = 0;
    for (const Prompt& prompt : prompts) {
      EvalSample sample = SampleOf(prompt.item, {}, info_.name);
      sample.prompt_hash = PromptHash(prompt.asked.text);
      sample.extra["prompt_tokens"] = prompt.size();
      if (prompt.shortened) sample.extra["shortened"] = true;
      if (prompt.capped()) sample.extra["max_new_tokens"] = prompt.max_new_tokens;
      sample.skipped = prompt.skipped;
      if (prompt.skipped.empty()) {
        const Response& response = responses[next++];
        const std::string answer = task_->Answer(prompt.item, response.text);
        sample.metrics = task_->Score(prompt.item, answer);
        sample.extra["response"] = answer;
        sample.extra["response_tokens"] = response.tokens;
      }
      result.samples.push_back(std::move(sample));
    }
    result.summary = Summarize(result.samples);
    result.summary.counts["shortened"] =
        Count(prompts, [](const Prompt& prompt) { return prompt.shortened; });
    result.summary.counts["answer_capped"] =
        Count(prompts, [](const Prompt& prompt) { return prompt.capped(); });
    return result;
  }

  TaskInfo info_;
  std::shared_ptr<const GenerationTask> task_;
};

}  // namespace

std::unique_ptr<EvalTask> MakeAnswerTask(TaskInfo info,
                                         std::shared_ptr<const GenerationTask> task) {
  return std::make_unique<AnswerTask>(std::move(info), std::move(task));
}

}  // namespace meap
