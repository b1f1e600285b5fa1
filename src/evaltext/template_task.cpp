#include "evaltext/template_task.h"

#include <algorithm>
#include <map>

#include "core/error.h"
#include "core/strings.h"
#include "evaltext/answers.h"
#include "evaltext/data_items.h"
#include "evaltext/python_text.h"
#include "evaltext/rouge.h"
#include "evaltext/template.h"

namespace meap {
namespace {

using Metric = double (*)(const std::string& answer, const std::string& reference);

const std::vector<std::pair<std::string, Metric>>& MetricTable() {
  static const std::vector<std::pair<std::string, Metric>> metrics = {
      {"exact_match",
       [](const std::string& answer, const std::string& reference) {
         return NormalizeAnswer(answer) == NormalizeAnswer(reference) ? 1.0 : 0.0;
       }},
      {"best_subspan_em",
       [](const std::string& answer, const std::string& reference) {
         return BestSubspanEm(answer, {reference});
       }},
      {"contains", [](const std::string& answer,
                      const std::string& reference) { return ContainsValue(answer, reference); }},
      {"answer_words",
       [](const std::string& answer, const std::string& reference) {
         return AnswerWordsFound(answer, reference);
       }},
      {"rougeL", [](const std::string& answer, const std::string& reference) {
         return RougeScores(reference, answer).rouge_l;
       }}};
  return metrics;
}

class TemplateTask : public GenerationTask {
 public:
  explicit TemplateTask(AnswerTemplate description) : description_(std::move(description)) {}

  std::vector<GenerationItem> Items(const TaskInputs& inputs) const override {
    std::vector<GenerationItem> items;
    const fs::path file =
        FindDataFile(inputs.data / description_.folder, description_.file, description_.name);
    for (const DataItem& line : ReadDataItems(file, inputs.limit)) items.push_back(Item(line));
    return items;
  }

  std::string Answer(const GenerationItem& item, std::string_view response) const override {
    std::string_view text = StripText(response);
    if (!item.stop.empty()) text = StripText(text.substr(0, text.find(item.stop)));
    return std::string(text);
  }

  Metrics Score(const GenerationItem& item, std::string_view answer) const override {
    Metrics metrics;
    for (const std::string& name : description_.metrics) {
      const auto& table = MetricTable();
      const auto metric = std::find_if(table.begin(), table.end(),
                                       [&](const auto& entry) { return entry.first == name; });
      double best = 0;
      for (const std::string& reference : item.references) {
        best = std::max(best, metric->second(std::string(answer), reference));
      }
      metrics.emplace_back(name, best);
    }
    return metrics;
  }

 private:
  GenerationItem Item(const DataItem& line) const {
    GenerationItem item;
    item.id = std::to_string(line.line() - 1);
    item.item = item.id;
    for (const std::string& field : description_.breakdown) {
      item.group[field] = line.Primitive(field);
    }
    item.prompt = FillTemplate(description_.prompt, line);
    if (!description_.shorten.empty()) {
      const size_t at = description_.prompt.find("{" + description_.shorten + "}");
      item.too_long = TooLong::kShorten;
      item.document_offset = FillTemplate(description_.prompt.substr(0, at), line).size();
      item.document_size = line.Text(description_.shorten).size();
    }
    item.chat = {{"user", item.prompt}};
    item.max_new_tokens = static_cast<int>(description_.max_new_tokens);
    item.stop = description_.stop;
    const auto* answers = line.Find(description_.answers);
    item.references = answers != nullptr && answers->is_array()
                          ? line.Texts(description_.answers)
                          : std::vector<std::string>{line.Text(description_.answers)};
    if (item.references.empty()) line.Fail(description_.answers, "at least one answer");
    return item;
  }

  AnswerTemplate description_;
};

}  // namespace

const std::vector<std::string>& AnswerMetrics() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> list;
    for (const auto& [name, ignored] : MetricTable()) list.push_back(name);
    return list;
  }();
  return names;
}

std::unique_ptr<GenerationTask> MakeTemplateTask(const AnswerTemplate& description) {
  for (const std::string& metric : description.metrics) {
    MEAP_CHECK(std::ranges::count(AnswerMetrics(), metric) == 1, "a known metric");
  }
  return std::make_unique<TemplateTask>(description);
}

TaskInfo InfoOf(const AnswerTemplate& description) {
  std::vector<std::string> fields = TemplateFields(description.prompt);
  fields.push_back(description.answers);
  fields.insert(fields.end(), description.breakdown.begin(), description.breakdown.end());
  return {description.name, description.summary,
          (fs::path(description.folder) / description.file).string() + ".jsonl {" +
              Join(fields, ", ") + "}",
          Join(description.metrics, ", ")};
}

}  // namespace meap
