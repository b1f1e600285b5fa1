#include "eval/evaluate.h"

#include <set>

#include "chat/sample.h"
#include "core/console.h"
#include "core/error.h"
#include "eval/chat_prompt.h"
#include "eval/model_scorer.h"
#include "infer/text_encoder.h"
#include "model/device.h"

namespace meap {
namespace {

struct PlannedTask {
  const EvalTask* task;
  TaskPlan plan;
};

int64_t UsedLength(const LlamaConfig& config, int64_t wanted) {
  if (wanted > config.max_position_embeddings) {
    throw InputError({.what = "--max-length is beyond the model's context",
                      .where = "--max-length",
                      .expected = "at most " + std::to_string(config.max_position_embeddings),
                      .got = std::to_string(wanted)});
  }
  return wanted > 0 ? wanted : config.max_position_embeddings;
}

/// The template that answers are asked for under; nothing for base prompts.
std::optional<ChatTemplate> TemplateOf(const Tokenizer& tokenizer, const std::string& name) {
  if (name == "none" || (name == "auto" && tokenizer.chat_template().empty())) return {};
  return ChatTemplate(name == "auto" ? "model" : name, tokenizer);
}

ModelView ViewOf(const LoadedModel& loaded, const TextEncoder& encoder, int64_t max_length) {
  ModelView view;
  view.codec = CodecOf(loaded.tokenizer);
  view.max_length_tokens = max_length;
  view.encode_pair = [&encoder](const std::string& context, const std::string& continuation) {
    return encoder.EncodeRequest(context, continuation);
  };
  view.encode_prompt = [&encoder](const std::string& prompt) {
    std::vector<int32_t> ids = encoder.Encode(prompt);
    if (ids.empty()) ids = {encoder.prefix()};
    return ids;
  };
  view.prefix = [&encoder] { return encoder.prefix(); };
  return view;
}

std::vector<PlannedTask> PlanTasks(const std::vector<ChosenTask>& tasks, const EvalInputs& inputs,
                                   const ModelView& view) {
  std::vector<PlannedTask> planned;
  for (const ChosenTask& chosen : tasks) {
    try {
      planned.push_back({chosen.task.get(), chosen.task->Plan(inputs, view)});
    } catch (const MissingData& error) {
      if (!chosen.by_group) throw;
      Warn(chosen.task->info().name + " is left out: " + error.parts().what + " (" +
           error.parts().where + ")");
    }
  }
  return planned;
}

/// The number of examples before the items of all tasks; null where tasks differ in it, as their
/// own settings then tell.
nlohmann::ordered_json FewShotOf(const std::vector<PlannedTask>& tasks) {
  std::set<size_t> numbers;
  for (const PlannedTask& one : tasks) {
    numbers.insert(one.plan.settings.value("num_fewshot", size_t{0}));
  }
  if (numbers.size() > 1) return nullptr;
  return numbers.empty() ? size_t{0} : *numbers.begin();
}

nlohmann::ordered_json Settings(const LoadedModel& loaded, const EvalOptions& options,
                                const TextEncoder& encoder, int64_t max_length) {
  const EvalInputs& inputs = options.inputs;
  return {{"tasks", nlohmann::ordered_json::array()},
          {"data", inputs.data.string()},
          {"limit", inputs.limit > 0 ? nlohmann::ordered_json(inputs.limit) : nullptr},
          {"num_fewshot", nullptr},  // FewShotOf
          {"dtype", DtypeName(loaded.model.head().scalar_type())},
          {"device", loaded.device.str()},
          {"max_length", max_length},
          {"bos", encoder.adds_bos() ? "added" : "not added"},
          {"bos_chosen_by", options.add_bos ? "--add-bos" : "tokenizer"},
          {"task_settings", nlohmann::ordered_json::object()}};
}

}  // namespace

ModelRun EvaluateModel(const fs::path& folder, const std::string& name,
                       const std::vector<ChosenTask>& tasks, const EvalOptions& options,
                       RequestCache* cache, RunCounts& counts) {
  const LoadedModel loaded = LoadModel(folder, options.device, options.dtype);
  const int64_t max_length = UsedLength(loaded.model.config(), options.max_length);
  const TextEncoder encoder(loaded.tokenizer, {.add_bos = options.add_bos, .harness = true});
  ModelView view = ViewOf(loaded, encoder, max_length);
  if (const auto chat = TemplateOf(loaded.tokenizer, options.chat_template)) {
    view.chat_template = chat->name();
    view.end_tokens = EndTokens(*chat, loaded.tokenizer);
    view.encode_chat = [used = *chat, &loaded](std::span<const ChatTurn> turns) {
      return EncodeChat(used, loaded.tokenizer, turns);
    };
  }
  const std::vector<PlannedTask> planned = PlanTasks(tasks, options.inputs, view);
  ModelRun run{name,
               folder,
               ModelHash(folder, loaded.tokenizer),
               {},
               Settings(loaded, options, encoder, max_length)};
  run.settings["num_fewshot"] = FewShotOf(planned);
  const std::string key = run.model_hash + "/" + run.settings["dtype"].get<std::string>() + "/" +
                          run.settings["device"].get<std::string>() + "/" +
                          std::to_string(max_length);
  ModelScorer scorer(loaded, max_length);
  for (const PlannedTask& one : planned) {
    const std::string& task = one.task->info().name;
    const auto responses =
        RunRequests(scorer, one.plan.requests, name + " " + task, cache, key, counts);
    TaskOutcome outcome = one.plan.finish(responses);
    for (EvalSample& sample : outcome.samples) sample.model = name;
    run.settings["tasks"].push_back(task);
    if (!one.plan.settings.empty()) run.settings["task_settings"][task] = one.plan.settings;
    run.tasks.emplace_back(task, std::move(outcome));
  }
  return run;
}

nlohmann::ordered_json RunJson(const ModelRun& run, const std::string& samples) {
  using Json = nlohmann::ordered_json;
  Json object = {{"format", "meap-results-1"},
                 {"model", run.model.string()},
                 {"model_hash", run.model_hash},
                 {"name", run.name},
                 {"results", Json::object()},
                 {"n", Json::object()},
                 {"counts", Json::object()},
                 {"breakdowns", Json::object()},
                 {"prompt_hashes", Json::object()},
                 {"settings", run.settings},
                 {"samples", samples.empty() ? Json(nullptr) : Json(samples)}};
  for (const auto& [task, outcome] : run.tasks) {
    const TaskSummary& summary = outcome.summary;
    object["results"][task] = summary.results;
    object["n"][task] = summary.n;
    object["counts"][task] = summary.counts;
    if (!summary.breakdowns.empty()) object["breakdowns"][task] = summary.breakdowns;
    object["prompt_hashes"][task] = summary.prompt_hash;
  }
  return object;
}

std::vector<EvalSample> SamplesOf(const ModelRun& run) {
  std::vector<EvalSample> samples;
  for (const auto& [task, outcome] : run.tasks) {
    samples.insert(samples.end(), outcome.samples.begin(), outcome.samples.end());
  }
  return samples;
}

}  // namespace meap
