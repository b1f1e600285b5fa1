#include "evaltext/summaries.h"

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "evaltext/content_items.h"
#include "evaltext/data_items.h"
#include "evaltext/python_text.h"
#include "evaltext/rouge.h"

namespace meap {
namespace {

constexpr int kSentenceTokens = 64;
constexpr int kPageTokens = 512;

/// The prompt of a data set around a document.
struct PromptParts {
  std::string_view before;
  std::string_view after;
};
constexpr PromptParts kSentencePrompt = {"Article:\n",
                                         "\n\nSummarize the article in one sentence.\n\nSummary:"};
constexpr PromptParts kPagePrompt = {
    "You are given several news passages. Write a one-page summary of all news. \n\nNews:\n",
    "\n\nNow, write a one-page summary of all the news.\n\nSummary:"};

/// The data files of a folder, whatever their names, in ascending order of them.
std::vector<fs::path> SummaryFiles(const fs::path& folder, const std::string& task) {
  std::vector<fs::path> files;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".jsonl") || name.ends_with(".jsonl.gz") || name.ends_with(".jsonl.zst")) {
      files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  if (!files.empty()) return files;
  throw MissingData({.what = "no data for the task " + task,
                     .where = folder.string(),
                     .expected = ".jsonl, .jsonl.gz or .jsonl.zst with id, document, summary",
                     .got = fs::is_directory(folder) ? "no such file in it" : "no such folder",
                     .hint = "put the data set there, or leave the task out"});
}

/// The items of all files, one file after the other, at most `limit` of them (0: all).
std::vector<DataItem> ReadSummaryItems(const std::vector<fs::path>& files, size_t limit) {
  std::vector<DataItem> items;
  for (const fs::path& file : files) {
    if (limit > 0 && items.size() == limit) break;
    std::vector<DataItem> more = ReadDataItems(file, limit > 0 ? limit - items.size() : 0);
    std::move(more.begin(), more.end(), std::back_inserter(items));
  }
  return items;
}

class SummaryTask : public GenerationTask {
 public:
  explicit SummaryTask(SummaryOptions options) : options_(std::move(options)) {}

  std::vector<GenerationItem> Items(const TaskInputs& inputs) const override {
    std::vector<GenerationItem> items;
    const auto files = SummaryFiles(inputs.data / options_.folder, options_.folder);
    const PromptParts& parts = options_.one_sentence ? kSentencePrompt : kPagePrompt;
    for (const DataItem& line : ReadSummaryItems(files, inputs.limit)) {
      const std::string document = line.Text("document");
      const std::string reference = line.Text("summary");
      GenerationItem item;
      item.id = line.Text("id");
      item.item = item.id;
      item.prompt = std::string(parts.before) + document + std::string(parts.after);
      item.chat = {{"user", item.prompt}};
      item.max_new_tokens = options_.one_sentence ? kSentenceTokens : kPageTokens;
      item.stop = options_.one_sentence ? "\n\n" : "";
      item.too_long = TooLong::kShorten;
      item.document_offset = parts.before.size();
      item.document_size = document.size();
      item.references = {reference};
      item.extra = {{"source", document}, {"reference", reference}};
      items.push_back(std::move(item));
    }
    return items;
  }

  std::string Answer(const GenerationItem&, std::string_view response) const override {
    std::string_view text = StripText(response);
    if (options_.one_sentence) text = StripText(text.substr(0, text.find("\n\n")));
    return std::string(text);
  }

  Metrics Score(const GenerationItem& item, std::string_view answer) const override {
    const double unsupported =
        UnsupportedShare(item.extra.at("source").get_ref<const std::string&>(), answer);
    const Rouge rouge = RougeScores(item.references.front(), answer);
    const bool empty = answer.empty();  // says nothing wrong, and is no summary either
    return {{"unsupported", unsupported}, {"clean", unsupported == 0 && !empty ? 1 : 0},
            {"empty", empty ? 1 : 0},     {"rouge1", rouge.rouge1},
            {"rouge2", rouge.rouge2},     {"rougeL", rouge.rouge_l}};
  }

 private:
  SummaryOptions options_;
};

}  // namespace

std::string JudgePrompt(std::string_view document, std::string_view reference,
                        std::string_view summary) {
  const auto quoted = [](std::string_view text) { return "<<< " + std::string(text) + " >>>\n"; };
  return "You check a summary against its source. Use only the source text; ignore what you know. "
         "A "
         "summary contains a hallucination if at least one statement in it is contradicted by the "
         "source or cannot be inferred from it. Leaving things out, bad style and repetition are "
         "not hallucinations.\n"
         "Source: " +
         quoted(document) +
         "Reference summary, for orientation only, it may be empty: " + quoted(reference) +
         "Summary to check: " + quoted(summary) +
         "First list each statement of the summary with \"supported\", \"contradicted\" or \"not "
         "in "
         "source\". Then give the last line exactly as `VERDICT: YES` if there is a hallucination "
         "or `VERDICT: NO` if there is none.";
}

Verdict ParseVerdict(std::string_view reply) {
  Verdict verdict = Verdict::kUndecided;
  while (!reply.empty()) {
    const size_t end = std::min(reply.find('\n'), reply.size());
    const std::string_view line = StripText(reply.substr(0, end));
    reply.remove_prefix(std::min(end + 1, reply.size()));
    if (line == "VERDICT: YES") verdict = Verdict::kHallucination;
    if (line == "VERDICT: NO") verdict = Verdict::kClean;
  }
  return verdict;
}

std::unique_ptr<GenerationTask> MakeSummaryTask(const SummaryOptions& options) {
  return std::make_unique<SummaryTask>(options);
}

}  // namespace meap
