#include "evaltext/generation_task.h"

#include <algorithm>
#include <functional>

#include "core/error.h"
#include "core/strings.h"
#include "evaltext/mdqa.h"
#include "evaltext/needle.h"
#include "evaltext/needlebench.h"
#include "evaltext/python_text.h"
#include "evaltext/summaries.h"
#include "text/utf8.h"

namespace meap {
namespace {

using Maker = std::function<std::unique_ptr<GenerationTask>()>;

struct Entry {
  TaskInfo info;
  Maker make;
};

constexpr const char* kMdqaData =
    "mdqa/questions.jsonl {qid, question, answers[], gold_pid, ranked_pids[], random_pids[]}, "
    "mdqa/passages.jsonl {pid, title, text}";
constexpr const char* kEssays = "niah/essays/*.txt";
constexpr const char* kMrsData =
    "needlebench_mrs/*.jsonl {id, derivation_count, question, answer, derivations[]}, "
    "niah/essays/*.txt";
constexpr const char* kMrsV2Data =
    "needlebench_mrs/names_en.json {English: \"First Last,...\"}, niah/essays/*.txt";
constexpr const char* kNeedleMetrics = "hit, keywords, rouge1";
constexpr const char* kMrsMetrics = "mrs, best_subspan_em";
constexpr const char* kSummaryMetrics = "unsupported, clean, empty, rouge1, rouge2, rougeL";

Entry Mdqa(std::string name, std::string summary, const MdqaOptions& options) {
  return {{std::move(name), std::move(summary), kMdqaData, "best_subspan_em"},
          [options] { return MakeMdqaTask(options); }};
}

Entry Kv(std::string name, std::string summary, const KvOptions& options) {
  const std::string data = "kv_retrieval/kv-retrieval-" + std::to_string(options.keys) +
                           "_keys.jsonl {ordered_kv_records[[key, value]], key}";
  return {{std::move(name), std::move(summary), data, "contains"},
          [options] { return MakeKvTask(options); }};
}

Entry Needle(std::string name, std::string summary, const NeedleOptions& options) {
  return {{std::move(name), std::move(summary), kEssays, kNeedleMetrics},
          [options] { return MakeNeedleTask(options); }};
}

Entry Mrs(std::string name, std::string summary, const NeedleBenchOptions& options) {
  return {
      {std::move(name), std::move(summary), options.family ? kMrsV2Data : kMrsData, kMrsMetrics},
      [options] { return MakeNeedleBenchTask(options); }};
}

Entry Summary(std::string name, std::string summary, bool one_sentence) {
  const SummaryOptions options{name, one_sentence};
  return {{name, std::move(summary), name + "/*.jsonl {id, document, summary}", kSummaryMetrics},
          [options] { return MakeSummaryTask(options); }};
}

NeedleBenchOptions LongNeedleBench(std::vector<int> lengths, int64_t buffer, bool few_depths) {
  NeedleBenchOptions options;
  options.lengths = std::move(lengths);
  options.buffer = buffer;
  if (few_depths) options.depths = {0, 10, 21, 31, 42, 52, 63, 73, 84, 94, 100};
  return options;
}

NeedleBenchOptions FamilyNeedleBench() {
  NeedleBenchOptions options;
  options.family = true;
  options.buffer = 500;
  options.depths = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
  return options;
}

std::vector<Entry> MakeEntries() {
  const std::vector<size_t> ten = {0, 4, 9};
  const MdqaOptions plain{};
  return {
      Needle("needle", "needle in a haystack: eighths of the context by 11 depths", {}),
      Needle("needle_multi", "the same with five needles a cell", {.needles = 5}),
      Needle("needle_completion", "the same, completing the needle's opening words",
             {.completion = true}),
      Needle("needle_35x35", "the reference's grid, 1,000 to 16,000 tokens",
             {.lengths = EvenlySpaced(1000, 16000, 35), .depths = EvenlySpaced(0, 100, 35)}),
      Mdqa("mdqa20", "questions over 20 documents by the gold document's position", plain),
      Mdqa("mdqa10", "the same over 10", {.documents = 10, .gold_indices = ten}),
      Mdqa("mdqa20_random", "20 documents, random distractors", {.random_distractors = true}),
      Mdqa("mdqa20_random_note", "the prompt says that the order is random",
           {.mode = MdqaMode::kRandomNote}),
      Mdqa("mdqa20_query_aware", "the question before the documents too",
           {.mode = MdqaMode::kQueryAware}),
      Mdqa("mdqa_closed_book", "the questions without documents", {.closed_book = true}),
      Kv("kv75", "the value of one of 75 keys by its position", {}),
      Kv("kv140", "the same among 140 keys", {.keys = 140, .gold_indices = {0, 34, 69, 104, 139}}),
      Kv("kv75_query_aware", "75 keys, the key before the records too", {.query_aware = true}),
      Mrs("mrs", "multi-needle reasoning (NeedleBench v1), 1,000 to 4,000 tokens", {}),
      Mrs("mrs_8k", "the same, 5,000 to 8,000 tokens",
          LongNeedleBench({5000, 6000, 7000, 8000}, 1000, false)),
      Mrs("mrs_32k", "the same, 9,000 to 32,000 tokens",
          LongNeedleBench({9000, 13000, 17000, 21000, 25000, 29000, 31000, 32000}, 3000, true)),
      Mrs("mrs_v2", "family relations (NeedleBench v2), for tuned models", FamilyNeedleBench()),
      Summary("xsum", "one-sentence summaries of news, and what they make up", true),
      Summary("multi_news", "one-page summaries of several articles", false),
      Summary("wikisum", "the same on WikiSum, where its data is at hand", false)};
}

const std::vector<Entry>& Entries() {
  static const std::vector<Entry> entries = MakeEntries();
  return entries;
}

}  // namespace

const std::vector<TaskInfo>& GenerationTasks() {
  static const std::vector<TaskInfo> infos = [] {
    std::vector<TaskInfo> list;
    for (const Entry& entry : Entries()) list.push_back(entry.info);
    return list;
  }();
  return infos;
}

std::unique_ptr<GenerationTask> MakeGenerationTask(std::string_view name) {
  std::vector<std::string> names;
  for (const Entry& entry : Entries()) {
    if (entry.info.name == name) return entry.make();
    names.push_back(entry.info.name);
  }
  const std::string nearest = NearestName(name, names);
  throw InputError({.what = "unknown task \"" + std::string(name) + "\"",
                    .expected = nearest.empty() ? "one of " + Join(names, ", ") : "",
                    .hint = nearest.empty() ? "" : "did you mean " + nearest + "?"});
}

bool EndsAnswer(std::string_view stop, std::string_view response_so_far) {
  if (stop.empty()) return false;
  const size_t answer = StripText(response_so_far).size();
  const size_t leading = StripTextEnd(response_so_far).size() - answer;
  return answer > 0 && response_so_far.find(stop, leading) != std::string_view::npos;
}

GenerationItem ShortenPrompt(const GenerationItem& item, const TokenCodec& codec, int64_t tokens) {
  const std::string document = item.prompt.substr(item.document_offset, item.document_size);
  const std::vector<int32_t> ids = codec.encode(document);
  const auto size = static_cast<int64_t>(ids.size());
  const int64_t kept = std::max<int64_t>(0, size - std::max<int64_t>(1, tokens));
  const auto head = static_cast<size_t>(kept / 2);
  const auto tail = static_cast<size_t>(kept - kept / 2);
  const std::span<const int32_t> all(ids);
  const std::string shorter = codec.decode(all.first(head)) + codec.decode(all.last(tail));
  GenerationItem result = item;
  result.prompt.replace(item.document_offset, item.document_size, shorter);
  result.document_size = shorter.size();
  for (ChatTurn& turn : result.chat) {
    if (turn.content == item.prompt) turn.content = result.prompt;
  }
  return result;
}

EvalSample SampleOf(const GenerationItem& item, std::string model, std::string task) {
  EvalSample sample{.model = std::move(model),
                    .task = std::move(task),
                    .id = item.id,
                    .item = item.item,
                    .group = item.group};
  sample.prompt_hash = PromptHash(item.prompt);
  sample.extra = item.extra;
  sample.extra["references"] = item.references;
  return sample;
}

}  // namespace meap
