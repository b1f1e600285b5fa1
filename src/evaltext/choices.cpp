#include "evaltext/choices.h"

#include <algorithm>

#include "core/error.h"
#include "evaltext/python_text.h"
#include "evaltext/template.h"

namespace meap {
namespace {

constexpr std::string_view kDelimiter = " ";

size_t GoldIndex(const ChoiceTemplate& task, const DataItem& item, size_t choices) {
  if (!task.gold_labels.empty()) {
    std::string label = item.Text(task.gold);
    label.erase(0, label.find_first_not_of(' '));
    const std::vector<std::string> labels = item.Texts(task.gold_labels);
    const auto found = std::find(labels.begin(), labels.end(), label);
    if (found == labels.end() || static_cast<size_t>(found - labels.begin()) >= choices) {
      item.Fail(task.gold, "one of the labels in \"" + task.gold_labels + "\"");
    }
    return static_cast<size_t>(found - labels.begin());
  }
  const std::string digits = item.Text(task.gold);
  const bool number = !digits.empty() && digits.size() < 10 &&
                      digits.find_first_not_of("0123456789") == std::string::npos;
  const int64_t index = number ? std::stoll(digits) - task.gold_base : -1;
  if (index < 0 || index >= static_cast<int64_t>(choices)) {
    item.Fail(task.gold, "a number from " + std::to_string(task.gold_base) + " to " +
                             std::to_string(task.gold_base + static_cast<int64_t>(choices) - 1));
  }
  return static_cast<size_t>(index);
}

std::vector<std::string> Choices(const ChoiceTemplate& task, const DataItem& item) {
  std::vector<std::string> choices;
  if (task.choices_field.empty()) {
    for (const std::string& choice : task.choices) choices.push_back(FillTemplate(choice, item));
  } else {
    choices = item.Texts(task.choices_field);
    if (choices.empty()) item.Fail(task.choices_field, "at least one choice");
  }
  return choices;
}

ChoiceItem BuildCloze(const ChoiceTemplate& task, const DataItem& item) {
  const std::string sentence = item.Text(task.cloze);
  const size_t gap = sentence.find('_');
  if (gap == std::string::npos) item.Fail(task.cloze, "a sentence with a gap \"_\"");
  const std::string ending =
      " " + std::string(StripText(std::string_view(sentence).substr(gap + 1)));
  ChoiceItem result;
  for (const std::string& choice : Choices(task, item)) {
    result.contexts.push_back(sentence.substr(0, gap) + choice);
    result.continuations.push_back(ending);
  }
  result.choices = result.contexts;
  result.gold = GoldIndex(task, item, result.contexts.size());
  result.example = result.contexts[result.gold] + ending;
  return result;
}

/// Context and choices of a raw HellaSwag item.
void CleanRawHellaSwag(const DataItem& item, std::string& context,
                       std::vector<std::string>& choices) {
  context = CleanHellaSwag(item.Text("activity_label") + ": " + item.Text("ctx_a") + " " +
                           CapitalizeText(item.Text("ctx_b")));
  choices = item.Texts("endings");
  for (std::string& choice : choices) choice = CleanHellaSwag(choice);
}

ChoiceItem BuildRequests(const ChoiceTemplate& task, const DataItem& item) {
  ChoiceItem result;
  std::string context;
  if (task.hellaswag && item.Find("ctx_a") != nullptr) {
    CleanRawHellaSwag(item, context, result.choices);
    ChoiceTemplate raw = task;
    raw.gold = "label";
    result.gold = GoldIndex(raw, item, result.choices.size());
  } else {
    context = FillTemplate(task.context, item);
    result.choices = Choices(task, item);
    result.gold = GoldIndex(task, item, result.choices.size());
  }
  for (const std::string& choice : result.choices) {
    result.contexts.push_back(context);
    result.continuations.push_back(std::string(kDelimiter) + choice);
  }
  result.example = context + result.continuations[result.gold];
  return result;
}

}  // namespace

std::string CleanHellaSwag(std::string_view text) {
  const std::string titled = ReplaceAll(StripText(text), " [title]", ". ");
  std::string unmarked;
  for (size_t at = 0; at < titled.size(); ++at) {
    const size_t close = titled[at] == '[' ? titled.find_first_of("]\n", at) : std::string::npos;
    if (close != std::string::npos && titled[close] == ']') {
      at = close;
    } else {
      unmarked += titled[at];
    }
  }
  return ReplaceAll(unmarked, "  ", " ");
}

ChoiceItem BuildChoiceItem(const ChoiceTemplate& task, const DataItem& item) {
  ChoiceItem result = task.cloze.empty() ? BuildRequests(task, item) : BuildCloze(task, item);
  result.id = std::to_string(item.line() - 1);
  for (const std::string& field : task.breakdown) result.group[field] = item.Primitive(field);
  return result;
}

std::vector<ChoiceItem> ReadChoiceItems(const ChoiceTemplate& task, const fs::path& data,
                                        size_t limit) {
  const fs::path file = FindDataFile(data / task.folder, task.file, task.name);
  std::vector<ChoiceItem> items;
  for (const DataItem& item : ReadDataItems(file, limit)) {
    items.push_back(BuildChoiceItem(task, item));
  }
  return items;
}

std::string FewShotPrefix(std::span<const ChoiceItem> examples) {
  std::string prefix;
  for (const ChoiceItem& example : examples) prefix += example.example + "\n\n";
  return prefix;
}

void MoveTrailingSpace(std::string& context, std::string& continuation) {
  const size_t kept = StripTextEnd(context).size();
  continuation.insert(0, context, kept);
  context.resize(kept);
}

ChoiceOutcome ScoreChoices(const ChoiceItem& item, std::span<const double> log_likelihoods) {
  MEAP_CHECK(log_likelihoods.size() == item.choices.size() && !item.choices.empty(),
             "a log-likelihood for each choice");
  const auto best = [&](const auto& length) {
    size_t arg = 0;
    for (size_t i = 1; i < item.choices.size(); ++i) {
      if (log_likelihoods[i] / length(i) > log_likelihoods[arg] / length(arg)) arg = i;
    }
    return arg;
  };
  std::vector<double> code_points;
  for (const std::string& choice : item.choices) {
    code_points.push_back(static_cast<double>(CountCodePoints(choice)));
  }
  ChoiceOutcome outcome;
  outcome.prediction = best([](size_t) { return 1.0; });
  outcome.acc = outcome.prediction == item.gold ? 1 : 0;
  outcome.acc_norm = best([&](size_t i) { return code_points[i]; }) == item.gold ? 1 : 0;
  outcome.acc_bytes =
      best([&](size_t i) { return static_cast<double>(item.choices[i].size()); }) == item.gold ? 1
                                                                                               : 0;
  return outcome;
}

std::vector<std::string> FieldsOf(const ChoiceTemplate& task) {
  std::vector<std::string> fields = TemplateFields(task.context);
  const auto add = [&](const std::string& field) {
    if (!field.empty() && std::find(fields.begin(), fields.end(), field) == fields.end()) {
      fields.push_back(field);
    }
  };
  add(task.cloze);
  for (const std::string& choice : task.choices) {
    for (const std::string& field : TemplateFields(choice)) add(field);
  }
  add(task.choices_field);
  add(task.gold_labels);
  add(task.gold);
  for (const std::string& field : task.breakdown) add(field);
  return fields;
}

}  // namespace meap
