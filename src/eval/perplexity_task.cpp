#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "data/readers.h"
#include "eval/task.h"
#include "evaltext/python_text.h"
#include "evaltext/running_text.h"

namespace meap {
namespace {

/// Words as lm-evaluation-harness counts them: the pieces that re.split(r"\s+") leaves.
int64_t CountWords(std::string_view text) {
  int64_t words = 1;
  bool blank = false;
  for (const char32_t c : ToCodePoints(text)) {
    if (IsSpace(c) && !blank) ++words;
    blank = IsSpace(c);
  }
  return words;
}

/// A text and what its windows came to.
struct Document {
  EvalSample sample = {};
  TextSums sums = {};
  size_t windows = 0;
};

/// The windows of running text: each token is scored once, with at most `length` - 1 tokens before
/// it in its window. The first window begins with `prefix`; each other one with the last tokens of
/// the one before, as many as make it full. lm-evaluation-harness's rolling log-likelihood with a
/// context of one token.
std::vector<Request> Windows(const std::vector<int32_t>& tokens, int32_t prefix, int64_t length) {
  std::vector<int32_t> text = {prefix};
  text.insert(text.end(), tokens.begin(), tokens.end());
  const auto size = static_cast<int64_t>(tokens.size());
  std::vector<Request> windows;
  for (int64_t predicted = 0; predicted < size;) {
    const int64_t count = std::min(length, size - predicted);
    const int64_t end = predicted + count;  // scores text(predicted, end]
    const int64_t begin = predicted == 0 ? 0 : end - length;
    const auto at = [&](int64_t i) { return text.begin() + static_cast<std::ptrdiff_t>(i); };
    windows.push_back({.kind = Request::Kind::kRolling,
                       .context = {at(begin), at(predicted + 1)},
                       .continuation = {at(predicted + 1), at(end + 1)}});
    predicted = end;
  }
  return windows;
}

nlohmann::ordered_json PositionTable(const std::vector<PositionSum>& sums) {
  nlohmann::ordered_json table = {{"by", {"position"}}, {"cells", nlohmann::ordered_json::array()}};
  for (size_t bucket = 0; bucket < sums.size(); ++bucket) {
    if (sums[bucket].tokens == 0) continue;
    const double nll = -sums[bucket].logprob / static_cast<double>(sums[bucket].tokens);
    table["cells"].push_back({{"position", int64_t{1} << bucket},
                              {"n", sums[bucket].tokens},
                              {"perplexity", std::exp(nll)},
                              {"nll", nll}});
  }
  return table;
}

class PerplexityTask : public EvalTask {
 public:
  const TaskInfo& info() const override { return info_; }

  TaskPlan Plan(const EvalInputs& inputs, const ModelView& model) const override {
    TaskPlan plan;
    std::vector<std::string> files = inputs.texts;
    if (files.empty()) {
      files.push_back((inputs.data / "perplexity").string());
      if (!fs::exists(files.front())) {
        throw InputError({.what = "the task perplexity has no text",
                          .where = "--text",
                          .expected = "--text FILE, or files in " + files.front(),
                          .hint = "--text FILE.jsonl"});
      }
    }
    std::vector<Document> documents;
    for (const fs::path& file : ExpandInputs(files)) {
      const auto reader = OpenDocuments(file, {});
      for (std::string_view text; reader->Next(text);) {
        if (inputs.limit > 0 && documents.size() == inputs.limit) break;
        Document document;
        document.sums.bytes = static_cast<int64_t>(text.size());
        document.sums.words = CountWords(text);
        const std::string id = file.filename().string() + "#" + std::to_string(documents.size());
        document.sample = {.model = {}, .task = info_.name, .id = id, .item = id};
        document.sample.prompt_hash = PromptHash(text);
        auto windows = Windows(model.codec.encode(text), model.prefix(), model.max_length_tokens);
        document.windows = windows.size();
        std::move(windows.begin(), windows.end(), std::back_inserter(plan.requests));
        documents.push_back(std::move(document));
      }
    }
    plan.settings = {{"texts", files}, {"window_tokens", model.max_length_tokens}};
    plan.finish = [documents = std::move(documents)](std::span<const Response> responses) {
      return Finish(documents, responses);
    };
    return plan;
  }

 private:
  static TaskOutcome Finish(std::vector<Document> documents, std::span<const Response> responses) {
    TaskOutcome result;
    std::vector<PositionSum> positions;
    TextSums all;
    size_t next = 0;
    for (Document& document : documents) {
      for (size_t w = 0; w < document.windows; ++w, ++next) {
        const Response& response = responses[next];
        document.sums.logprob += response.logprob;
        document.sums.tokens += response.tokens;
        positions.resize(std::max(positions.size(), response.positions.size()));
        for (size_t b = 0; b < response.positions.size(); ++b) {
          positions[b].logprob += response.positions[b].logprob;
          positions[b].tokens += response.positions[b].tokens;
        }
      }
      all += document.sums;
      EvalSample& sample = document.sample;
      if (document.sums.tokens > 0) {
        sample.metrics = TextScores(document.sums);
      } else {
        sample.skipped = "the tokenizer makes no tokens of it";
      }
      sample.extra = TextSumsJson(document.sums);
      result.samples.push_back(std::move(sample));
    }
    result.summary = Summarize(result.samples);  // then the means over all text, not documents
    if (all.tokens > 0) {
      for (const auto& [name, value] : TextScores(all)) {
        result.summary.results[name] = value;
        result.summary.results[name + "_stderr"] = nullptr;
      }
    }
    for (const auto& [name, count] :
         {std::pair{"tokens", all.tokens}, {"bytes", all.bytes}, {"words", all.words}}) {
      result.summary.counts[name] = count;
    }
    result.summary.breakdowns.push_back(PositionTable(positions));
    return result;
  }

  TaskInfo info_ = {"perplexity", "how well running text is predicted, by position in the context",
                    "--text FILE..., or perplexity/* under --data: " + std::string(kInputFormats),
                    "nll, perplexity, byte_perplexity, word_perplexity, bits_per_byte"};
};

}  // namespace

std::unique_ptr<EvalTask> MakePerplexityTask() { return std::make_unique<PerplexityTask>(); }

}  // namespace meap
