#include <algorithm>

#include "eval/task.h"

namespace meap {
namespace {

/// An item as its model gets it.
struct Prompt {
  GenerationItem item;
  std::vector<int32_t> tokens;
  std::string skipped = {};  // the reason, when it is not asked
  bool shortened = false;
};

std::vector<int32_t> Encode(const GenerationItem& item, const ModelView& model) {
  return model.encode_chat ? model.encode_chat(item.chat) : model.encode_prompt(item.prompt);
}

std::string TooLongText(size_t tokens, int64_t limit, const std::string& what) {
  return "a prompt of " + std::to_string(tokens) + " tokens, " + what + " " + std::to_string(limit);
}

/// Makes the prompt fit: prompt and answer share the model's context.
Prompt Fit(GenerationItem item, const ModelView& model) {
  Prompt prompt{std::move(item), {}};
  prompt.tokens = Encode(prompt.item, model);
  const int64_t limit = prompt.item.prompt_limit_tokens;
  const int64_t room = model.max_length_tokens - prompt.item.max_new_tokens;
  const auto size = [&] { return static_cast<int64_t>(prompt.tokens.size()); };
  if (limit > 0 && size() > limit) {
    prompt.skipped = TooLongText(prompt.tokens.size(), limit, "the task's limit is");
  } else if (size() > room && prompt.item.too_long == TooLong::kShorten) {
    while (size() > room && prompt.item.document_size > 0) {
      prompt.item = ShortenPrompt(prompt.item, model.codec, size() - room);
      prompt.tokens = Encode(prompt.item, model);
      prompt.shortened = true;
    }
  }
  if (prompt.skipped.empty() && size() > room) {
    prompt.skipped = TooLongText(prompt.tokens.size(), room, "with the answer the model holds");
  }
  return prompt;
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
        plan.requests.push_back({.kind = Request::Kind::kGenerate,
                                 .context = prompt.tokens,
                                 .max_new_tokens = prompt.item.max_new_tokens,
                                 .stop = prompt.item.stop,
                                 .end_tokens = model.end_tokens});
      }
      prompts.push_back(std::move(prompt));
    }
    plan.settings = {{"prompt", model.encode_chat ? "chat template" : "base"}, {"greedy", true}};
    if (model.encode_chat) plan.settings["chat_template"] = model.chat_template;
    if (!prompts.empty()) plan.settings["max_new_tokens"] = prompts[0].item.max_new_tokens;
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
      sample.extra["prompt_tokens"] = prompt.tokens.size();
      if (prompt.shortened) sample.extra["shortened"] = true;
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
        std::count_if(prompts.begin(), prompts.end(), [](const Prompt& p) { return p.shortened; });
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
