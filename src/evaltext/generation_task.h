// Tasks that a model answers in words: items with prompts in, scores of responses out. Pure text;
// who runs the model is above.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/files.h"
#include "evaltext/samples.h"
#include "evaltext/token_codec.h"

namespace meap {

/// One turn of a chat: role "system" or "user".
struct ChatTurn {
  std::string role;
  std::string content;
};

/// What becomes of a prompt that the model's context cannot hold.
enum class TooLong {
  kSkip,     // the answer gets what is left of the context; without any the item is not scored
  kShorten,  // the middle of the document goes (ShortenPrompt), and it is counted
};

/// One prompt and what scoring needs.
struct GenerationItem {
  std::string id;    // unique in the task
  std::string item;  // the question behind it, shared by its positions
  nlohmann::ordered_json group = nlohmann::ordered_json::object();
  std::string prompt;          // for base models, as it is
  std::vector<ChatTurn> chat;  // for tuned models, inside their template; empty: they get `prompt`
  int max_new_tokens = 0;      // greedy
  std::string stop = {};       // generation may end at it (EndsAnswer); "" for none
  TooLong too_long = TooLong::kSkip;
  /// The most tokens (BOS included) the prompt may have whatever the model; 0 for no such limit.
  int64_t prompt_limit_tokens = 0;
  /// Where the document stands in `prompt` (bytes), for kShorten.
  size_t document_offset = 0;
  size_t document_size = 0;
  std::vector<std::string> references = {};
  nlohmann::ordered_json extra = nlohmann::ordered_json::object();  // into the sample's line
};

/// What items are made from.
struct TaskInputs {
  fs::path data;                      // laid out as --data
  size_t limit = 0;                   // questions or grid cells at most; 0: all
  const TokenCodec* codec = nullptr;  // of the model under test
  int64_t max_length_tokens = 0;      // the model's context: longest length of the grids
  bool chat = false;                  // a tuned model under its template
};

/// A task. Objects keep no state between calls but their options.
class GenerationTask {
 public:
  virtual ~GenerationTask() = default;
  /// Reads the data and builds every item. Missing or malformed data: InputError with file, line
  /// and field.
  virtual std::vector<GenerationItem> Items(const TaskInputs& inputs) const = 0;
  /// The part of the response that counts: what the sample records.
  virtual std::string Answer(const GenerationItem& item, std::string_view response) const = 0;
  /// Metrics of an answer, always the same names in the same order.
  virtual Metrics Score(const GenerationItem& item, std::string_view answer) const = 0;
};

/// A task's name and what `meap eval --list` says of it.
struct TaskInfo {
  std::string name;
  std::string summary;  // one line
  std::string data;     // files and fields under --data
  std::string metrics;  // "hit, keywords"
};

/// All generation tasks, in the order of the list.
const std::vector<TaskInfo>& GenerationTasks();

/// The task of a name; an unknown one is an InputError that names the nearest.
std::unique_ptr<GenerationTask> MakeGenerationTask(std::string_view name);

/// True when generation may stop: `stop` (not "") occurs after the first character that is no white
/// space. What follows the stop does not count for the score.
bool EndsAnswer(std::string_view stop, std::string_view response_so_far);

/// The item with the middle of its document cut so that the prompt is about `tokens` shorter: the
/// document keeps the first and last halves of what is left of its tokens; the instruction stays.
/// Call again when the result is still too long.
GenerationItem ShortenPrompt(const GenerationItem& item, const TokenCodec& codec, int64_t tokens);

/// The sample of an item, without metrics, for `model` and `task`.
EvalSample SampleOf(const GenerationItem& item, std::string model, std::string task);

}  // namespace meap
