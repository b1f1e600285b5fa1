#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "eval/task.h"

namespace meap {
namespace {

std::string DataFormat(const ChoiceTemplate& task) {
  return (fs::path(task.folder) / task.file).string() + ".jsonl {" + Join(FieldsOf(task), ", ") +
         "}";
}

/// The item's contexts behind the few-shot examples.
void AddPrefix(ChoiceItem& item, const std::string& prefix) {
  for (std::string& context : item.contexts) context.insert(0, prefix);
}

EvalSample SampleOf(const ChoiceItem& item, const std::string& task) {
  EvalSample sample{.model = {}, .task = task, .id = item.id, .item = item.id};
  std::vector<std::string> texts = item.contexts;
  texts.insert(texts.end(), item.continuations.begin(), item.continuations.end());
  sample.prompt_hash = PromptHash(texts);
  sample.group = item.group;
  return sample;
}

class ChoiceTask : public EvalTask {
 public:
  explicit ChoiceTask(ChoiceTemplate description)
      : description_(std::move(description)),
        info_{description_.name, description_.summary, DataFormat(description_),
              Join(description_.metrics, ", ")} {}

  const TaskInfo& info() const override { return info_; }
  bool takes_few_shot() const override { return true; }

  TaskPlan Plan(const EvalInputs& inputs, const ModelView& model) const override {
    TaskPlan plan;
    const std::string prefix = FewShot(inputs, plan.settings);
    auto items = ReadChoiceItems(description_, inputs.data, inputs.limit);
    size_t truncated = 0;
    std::vector<EvalSample> samples;
    for (ChoiceItem& item : items) {
      AddPrefix(item, prefix);
      samples.push_back(SampleOf(item, description_.name));
      bool cut = false;
      size_t longest = 0;
      for (size_t i = 0; i < item.contexts.size(); ++i) {
        std::string context = item.contexts[i];
        std::string continuation = item.continuations[i];
        MoveTrailingSpace(context, continuation);
        ScoreRequest tokens = Encode(model, context, continuation, item);
        cut = cut || IsTruncated(tokens, model.max_length_tokens);
        longest = std::max(longest, tokens.context.size());
        plan.requests.push_back({.kind = Request::Kind::kLogLikelihood,
                                 .context = std::move(tokens.context),
                                 .continuation = std::move(tokens.continuation)});
      }
      truncated += cut ? 1 : 0;
      samples.back().extra["prompt_tokens"] = longest;
    }
    plan.finish = [this, truncated, items = std::move(items),
                   samples = std::move(samples)](std::span<const Response> responses) {
      return Finish(items, samples, truncated, responses);
    };
    return plan;
  }

 private:
  /// Tokens of a choice; one that has none is an error that names the item.
  ScoreRequest Encode(const ModelView& model, const std::string& context,
                      const std::string& continuation, const ChoiceItem& item) const {
    try {
      return model.encode_pair(context, continuation);
    } catch (const InputError& error) {
      ErrorParts parts = error.parts();
      parts.where = info_.data.substr(0, info_.data.find(' ')) + ":" +
                    std::to_string(std::stoull(item.id) + 1) + ": " + parts.where;
      throw InputError(parts);
    }
  }

  /// The examples' text, "" without any; notes in `settings` which they are.
  std::string FewShot(const EvalInputs& inputs, nlohmann::ordered_json& settings) const {
    const auto named =
        std::find_if(inputs.few_shot_files.begin(), inputs.few_shot_files.end(),
                     [&](const auto& entry) { return entry.first == description_.name; });
    const size_t wanted = inputs.num_few_shot.value_or(0);
    if (inputs.num_few_shot == 0U) return {};  // even where a file is named
    if (named == inputs.few_shot_files.end()) {
      if (wanted == 0) return {};
      throw InputError({.what = "no few-shot examples for the task " + description_.name,
                        .where = "--num-fewshot " + std::to_string(wanted),
                        .expected = "--fewshot " + description_.name +
                                    "=FILE.jsonl, a file of the "
                                    "task's own format: its first lines are the examples"});
    }
    std::vector<ChoiceItem> examples;
    for (const DataItem& line : ReadDataItems(named->second, wanted)) {
      examples.push_back(BuildChoiceItem(description_, line));
    }
    if (examples.size() < std::max<size_t>(wanted, 1)) {
      throw InputError({.what = "too few few-shot examples for the task " + description_.name,
                        .where = named->second.string(),
                        .expected = std::to_string(std::max<size_t>(wanted, 1)) + " lines",
                        .got = std::to_string(examples.size())});
    }
    settings = {{"num_fewshot", examples.size()}, {"fewshot", named->second.string()}};
    return FewShotPrefix(examples);
  }

  TaskOutcome Finish(const std::vector<ChoiceItem>& items, std::vector<EvalSample> samples,
                     size_t truncated, std::span<const Response> responses) const {
    size_t next = 0;
    for (size_t i = 0; i < items.size(); ++i) {
      std::vector<double> scores;
      for (size_t c = 0; c < items[i].contexts.size(); ++c) {
        scores.push_back(responses[next++].logprob);
      }
      const ChoiceOutcome outcome = ScoreChoices(items[i], scores);
      for (const std::string& metric : description_.metrics) {
        samples[i].metrics.emplace_back(metric, metric == "acc"        ? outcome.acc
                                                : metric == "acc_norm" ? outcome.acc_norm
                                                                       : outcome.acc_bytes);
      }
      samples[i].extra["loglikelihoods"] = scores;
      samples[i].extra["gold"] = items[i].gold;
      samples[i].extra["prediction"] = outcome.prediction;
    }
    TaskOutcome result{std::move(samples), {}};
    result.summary = Summarize(result.samples);
    result.summary.counts["truncated"] = truncated;
    return result;
  }

  ChoiceTemplate description_;
  TaskInfo info_;
};

}  // namespace

std::unique_ptr<EvalTask> MakeChoiceTask(const ChoiceTemplate& description) {
  return std::make_unique<ChoiceTask>(description);
}

}  // namespace meap
