#include "judge/cases.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "evaltext/data_items.h"
#include "evaltext/python_text.h"
#include "evaltext/summaries.h"

namespace meap {
namespace {

bool HasText(const EvalSample& sample, const char* key) {
  const auto found = sample.extra.find(key);
  return found != sample.extra.end() && found->is_string();
}

std::string TextOf(const EvalSample& sample, const char* key) {
  return HasText(sample, key) ? sample.extra.at(key).get<std::string>() : "";
}

/// A summary that was made and can be checked against its source.
bool IsSummary(const EvalSample& sample) {
  return sample.skipped.empty() && HasText(sample, "source") && HasText(sample, "response");
}

void CheckTasks(const std::vector<EvalRun>& runs, const std::vector<std::string>& wanted) {
  std::vector<std::string> names;
  for (const EvalRun& run : runs) {
    for (const EvalSample& sample : run.samples) {
      const bool known = std::find(names.begin(), names.end(), sample.task) != names.end();
      if (!known && IsSummary(sample)) names.push_back(sample.task);
    }
  }
  if (names.empty()) {
    throw InputError({.what = "there is no summary to judge",
                      .where = runs.empty() ? "" : runs[0].file.string(),
                      .expected = "samples with \"source\" and \"response\"",
                      .hint = "meap eval --tasks xsum --output results.json --samples "
                              "samples.jsonl keeps the summaries"});
  }
  for (const std::string& task : wanted) {
    if (std::find(names.begin(), names.end(), task) != names.end()) continue;
    throw InputError({.what = "the runs have no summaries of the task " + task,
                      .where = "--tasks",
                      .expected = Join(names, ", "),
                      .got = task});
  }
}

fs::path CalibrationFile(const fs::path& path) {
  if (!fs::is_directory(path)) return path;
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
    const std::string name = entry.path().filename().string();
    if (name.find(".jsonl") != std::string::npos) files.push_back(entry.path());
  }
  if (files.size() == 1) return files.front();
  throw InputError({.what = "cannot tell which file to calibrate on",
                    .where = path.string(),
                    .expected = "one .jsonl, .jsonl.gz or .jsonl.zst file",
                    .got = std::to_string(files.size()) + " of them"});
}

std::string JoinedSentences(const DataItem& item) {
  const auto* sentences = item.Find("sentences");
  const auto bad = [&] { item.Fail("sentences", "a list of objects with a text \"sentence\""); };
  if (sentences == nullptr || !sentences->is_array() || sentences->empty()) bad();
  std::vector<std::string> texts;
  for (const auto& sentence : *sentences) {
    if (!sentence.is_object() ||
        !sentence.value("sentence", nlohmann::ordered_json()).is_string()) {
      bad();
    }
    texts.push_back(sentence.at("sentence").get<std::string>());
  }
  return Join(texts, " ");
}

}  // namespace

size_t PromptSet::Add(const std::string& document, const std::string& reference,
                      const std::string& summary) {
  const auto [found, fresh] =
      indices_.emplace(JudgePrompt(document, reference, summary), prompts_.size());
  if (fresh) prompts_.push_back(found->first);
  return found->second;
}

std::vector<SummaryCase> CollectCases(const std::vector<EvalRun>& runs, const CaseOptions& options,
                                      PromptSet& prompts) {
  CheckTasks(runs, options.tasks);
  const auto wanted = [&](const std::string& task) {
    const auto& tasks = options.tasks;
    return tasks.empty() || std::find(tasks.begin(), tasks.end(), task) != tasks.end();
  };
  std::vector<SummaryCase> cases;
  for (size_t r = 0; r < runs.size(); ++r) {
    std::map<std::string, size_t> taken;
    for (size_t s = 0; s < runs[r].samples.size(); ++s) {
      const EvalSample& sample = runs[r].samples[s];
      if (!IsSummary(sample) || !wanted(sample.task)) continue;
      if (options.limit > 0 && taken[sample.task]++ >= options.limit) continue;
      const std::string summary = TextOf(sample, "response");
      SummaryCase item{.run = r, .sample = s, .prompt = {}};
      if (!StripText(summary).empty()) {
        item.prompt = prompts.Add(TextOf(sample, "source"), TextOf(sample, "reference"), summary);
      }
      cases.push_back(item);
    }
  }
  return cases;
}

std::vector<LabelledCase> ReadLabelledCases(const fs::path& path, PromptSet& prompts) {
  std::vector<LabelledCase> cases;
  for (const DataItem& item : ReadDataItems(CalibrationFile(path))) {
    const int64_t label = item.Integer("consistent");
    if (label != 0 && label != 1) item.Fail("consistent", "0 or 1");
    LabelledCase labelled{.document = item.Text("document"),
                          .summary = JoinedSentences(item),
                          .consistent = label == 1};
    labelled.prompt = prompts.Add(labelled.document, "", labelled.summary);
    cases.push_back(std::move(labelled));
  }
  return cases;
}

}  // namespace meap
