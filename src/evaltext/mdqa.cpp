#include "evaltext/mdqa.h"

#include <unordered_map>

#include "core/error.h"
#include "evaltext/answers.h"
#include "evaltext/data_items.h"
#include "evaltext/python_text.h"

namespace meap {
namespace {

constexpr int kMaxNewTokens = 100;
constexpr int64_t kPromptLimitTokens = 4096;

constexpr std::string_view kInstruction =
    "Write a high-quality answer for the given question using only the provided search results "
    "(some of which might be irrelevant).";
constexpr std::string_view kRandomNote = " The search results are ordered randomly.";

using Passages = std::unordered_map<int64_t, MdqaDocument>;

Passages ReadPassages(const fs::path& data) {
  Passages passages;
  for (const DataItem& line : ReadDataItems(FindDataFile(data / "mdqa", "passages", "mdqa"))) {
    passages[line.Integer("pid")] = {line.Text("title"), line.Text("text")};
  }
  return passages;
}

const MdqaDocument* Passage(const Passages& passages, int64_t pid, const DataItem& line,
                            std::string_view field) {
  const auto found = passages.find(pid);
  if (found == passages.end()) {
    line.Fail(field, "ids of passages in the passages file; " + std::to_string(pid) + " is none");
  }
  return &found->second;
}

class MdqaTask : public GenerationTask {
 public:
  explicit MdqaTask(MdqaOptions options) : options_(std::move(options)) {}

  std::vector<GenerationItem> Items(const TaskInputs& inputs) const override {
    const Passages passages = options_.closed_book ? Passages{} : ReadPassages(inputs.data);
    std::vector<GenerationItem> items;
    const fs::path questions = FindDataFile(inputs.data / "mdqa", "questions", "mdqa");
    for (const DataItem& line : ReadDataItems(questions, inputs.limit)) {
      if (options_.closed_book) {
        items.push_back(Item(line, ClosedBookPrompt(line.Text("question"))));
        continue;
      }
      for (const size_t gold : options_.gold_indices) {
        GenerationItem item = Item(line, PromptWithGoldAt(line, passages, gold));
        item.id = item.item + "@" + std::to_string(gold + 1);
        item.group["position"] = gold + 1;
        items.push_back(std::move(item));
      }
    }
    return items;
  }

  std::string Answer(const GenerationItem&, std::string_view response) const override {
    return std::string(StripText(response));
  }

  Metrics Score(const GenerationItem& item, std::string_view answer) const override {
    return {{"best_subspan_em", BestSubspanEm(answer, item.references)}};
  }

 private:
  static GenerationItem Item(const DataItem& line, std::string prompt) {
    GenerationItem item;
    item.item = line.Text("qid");
    item.id = item.item;
    item.chat = {{"user", prompt}};
    item.prompt = std::move(prompt);
    item.max_new_tokens = kMaxNewTokens;
    item.stop = "\n";
    item.prompt_limit_tokens = kPromptLimitTokens;
    item.references = line.Texts("answers");
    return item;
  }

  std::string PromptWithGoldAt(const DataItem& line, const Passages& passages, size_t gold) const {
    const char* field = options_.random_distractors ? "random_pids" : "ranked_pids";
    const std::vector<int64_t> distractors = line.Integers(field);
    if (distractors.size() + 1 < options_.documents) {
      line.Fail(field, "at least " + std::to_string(options_.documents - 1) + " distractors");
    }
    std::vector<const MdqaDocument*> documents;
    for (size_t i = 0; i + 1 < options_.documents; ++i) {
      documents.push_back(Passage(passages, distractors[i], line, field));
    }
    documents.insert(documents.begin() + static_cast<std::ptrdiff_t>(gold),
                     Passage(passages, line.Integer("gold_pid"), line, "gold_pid"));
    return MdqaPrompt(line.Text("question"), documents, options_.mode);
  }

  MdqaOptions options_;
};

class KvTask : public GenerationTask {
 public:
  explicit KvTask(KvOptions options) : options_(std::move(options)) {}

  std::vector<GenerationItem> Items(const TaskInputs& inputs) const override {
    const std::string stem = "kv-retrieval-" + std::to_string(options_.keys) + "_keys";
    std::vector<GenerationItem> items;
    const fs::path file = FindDataFile(inputs.data / "kv_retrieval", stem, "kv");
    for (const DataItem& line : ReadDataItems(file, inputs.limit)) {
      const std::string key = line.Text("key");
      const auto records = Records(line);
      for (const size_t gold : options_.gold_indices) {
        items.push_back(Item(line, records, key, gold));
      }
    }
    return items;
  }

  std::string Answer(const GenerationItem&, std::string_view response) const override {
    return std::string(StripText(response));
  }

  Metrics Score(const GenerationItem& item, std::string_view answer) const override {
    return {{"contains", ContainsValue(answer, item.references.front())}};
  }

 private:
  using RecordList = std::vector<std::pair<std::string, std::string>>;

  RecordList Records(const DataItem& line) const {
    constexpr const char* kField = "ordered_kv_records";
    const std::string expected = "an array of " + std::to_string(options_.keys) + " [key, value]";
    const auto* value = line.Find(kField);
    if (value == nullptr || !value->is_array() || value->size() != options_.keys) {
      line.Fail(kField, expected);
    }
    RecordList records;
    for (const auto& pair : *value) {
      if (!pair.is_array() || pair.size() != 2 || !pair[0].is_string() || !pair[1].is_string()) {
        line.Fail(kField, expected);
      }
      records.emplace_back(pair[0].get<std::string>(), pair[1].get<std::string>());
    }
    return records;
  }

  GenerationItem Item(const DataItem& line, RecordList records, const std::string& key,
                      size_t gold) const {
    const auto wanted = std::find_if(records.begin(), records.end(),
                                     [&](const auto& record) { return record.first == key; });
    if (wanted == records.end()) line.Fail("key", "the key of one of the records");
    const auto record = *wanted;
    records.erase(wanted);
    records.insert(records.begin() + static_cast<std::ptrdiff_t>(gold), record);
    GenerationItem item;
    item.item = std::to_string(line.line() - 1);
    item.id = item.item + "@" + std::to_string(gold + 1);
    item.group["position"] = gold + 1;
    item.prompt = KvPrompt(records, key, options_.query_aware);
    item.chat = {{"user", item.prompt}};
    item.max_new_tokens = kMaxNewTokens;
    item.references = {record.second};
    return item;
  }

  KvOptions options_;
};

}  // namespace

std::string MdqaPrompt(std::string_view question, std::span<const MdqaDocument* const> documents,
                       MdqaMode mode) {
  const std::string asked = "Question: " + std::string(question);
  std::string prompt(kInstruction);
  if (mode == MdqaMode::kRandomNote) prompt += kRandomNote;
  prompt += "\n\n";
  if (mode == MdqaMode::kQueryAware) prompt += asked + "\n\n";
  for (size_t i = 0; i < documents.size(); ++i) {
    prompt += "Document [" + std::to_string(i + 1) + "](Title: " + documents[i]->title + ") " +
              documents[i]->text + "\n";
  }
  return prompt + "\n" + asked + "\nAnswer:";
}

std::string ClosedBookPrompt(std::string_view question) {
  return "Question: " + std::string(question) + "\nAnswer:";
}

std::string KvPrompt(std::span<const std::pair<std::string, std::string>> records,
                     std::string_view key, bool query_aware) {
  const std::string asked = "Key: \"" + std::string(key) + "\"\n";
  std::string prompt =
      "Extract the value corresponding to the specified key in the JSON object below.\n\n";
  if (query_aware) prompt += asked + "\n";
  prompt += "JSON data:\n{";
  for (size_t i = 0; i < records.size(); ++i) {
    prompt += (i == 0 ? "\"" : ",\n \"") + records[i].first + "\": \"" + records[i].second + "\"";
  }
  return prompt + "}\n\n" + asked + "Corresponding value:";
}

std::unique_ptr<GenerationTask> MakeMdqaTask(const MdqaOptions& options) {
  for (const size_t gold : options.gold_indices) {
    MEAP_CHECK(gold < options.documents, "a position within the documents");
  }
  return std::make_unique<MdqaTask>(options);
}

std::unique_ptr<GenerationTask> MakeKvTask(const KvOptions& options) {
  for (const size_t gold : options.gold_indices) {
    MEAP_CHECK(gold < options.keys, "a position within the records");
  }
  return std::make_unique<KvTask>(options);
}

}  // namespace meap
