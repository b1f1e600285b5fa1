// A task makes requests for a model and turns the responses into samples and scores.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "eval/request.h"
#include "evaltext/choices.h"
#include "evaltext/generation_task.h"
#include "infer/score_plan.h"

namespace meap {

/// A conversation as a model's template renders it, up to where the answer begins.
struct RenderedPrompt {
  std::string text;
  std::vector<int32_t> tokens;
};

/// A model as tasks see it: its tokens and its limits.
struct ModelView {
  TokenCodec codec;               // without special tokens
  int64_t max_length_tokens = 0;  // the context that may be used
  /// (context, continuation) to tokens, by the harness's rules.
  std::function<ScoreRequest(const std::string&, const std::string&)> encode_pair;
  /// A base prompt to tokens, special ones included.
  std::function<std::vector<int32_t>(const std::string&)> encode_prompt;
  /// A chat under the model's template; empty: base prompts are used.
  std::function<RenderedPrompt(std::span<const ChatTurn>)> encode_chat = {};
  std::string chat_template = {};        // its name
  std::vector<int32_t> end_tokens = {};  // that end an answer under it
  /// What stands before the first token of running text; an InputError without BOS and EOS.
  std::function<int32_t()> prefix;
};

/// What the user chose for all tasks of a call.
struct EvalInputs {
  fs::path data = {};
  size_t limit = 0;  // items of a task; 0: all
  /// Few-shot examples: a file of the task's format by task name, and at most how many of it.
  std::vector<std::pair<std::string, fs::path>> few_shot_files = {};
  std::optional<size_t> num_few_shot = {};
  /// Files of the perplexity task; empty: DATA/perplexity.
  std::vector<std::string> texts = {};
};

/// Everything that stands under a task's name in the results.
struct TaskOutcome {
  std::vector<EvalSample> samples;  // without the model's name
  TaskSummary summary;
};

/// A task's requests for one model.
struct TaskPlan {
  std::vector<Request> requests;
  /// Called with the responses, one for each request.
  std::function<TaskOutcome(std::span<const Response>)> finish;
  /// What the task used that could change a number; into settings.
  nlohmann::ordered_json settings = nlohmann::ordered_json::object();
};

class EvalTask {
 public:
  virtual ~EvalTask() = default;
  virtual const TaskInfo& info() const = 0;
  /// Whether examples can stand before its items.
  virtual bool takes_few_shot() const { return false; }
  /// Missing or malformed data: InputError with file, line and field.
  virtual TaskPlan Plan(const EvalInputs& inputs, const ModelView& model) const = 0;
};

/// Multiple choice as a description has it.
std::unique_ptr<EvalTask> MakeChoiceTask(const ChoiceTemplate& description);
/// A task that the model answers in words.
std::unique_ptr<EvalTask> MakeAnswerTask(TaskInfo info, std::shared_ptr<const GenerationTask> task);
/// How well the model predicts running text.
std::unique_ptr<EvalTask> MakePerplexityTask();

}  // namespace meap
