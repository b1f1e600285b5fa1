#include <algorithm>

#include "core/error.h"
#include "evaltext/answers.h"
#include "evaltext/data_items.h"
#include "evaltext/needlebench.h"
#include "evaltext/python_text.h"

namespace meap {
namespace {

constexpr int kMaxNewTokens = 64;
constexpr int kChatNewTokens = 512;  // version 2 asks for reasoning before the box

/// One cell of the grid and one of its repeats.
struct Place {
  int length;
  size_t needles;
  int depth;
  uint32_t repeat;
};

/// A version 1 puzzle and the version 2 names, read once.
class PuzzleSource {
 public:
  PuzzleSource(const NeedleBenchOptions& options, const fs::path& data) : family_(options.family) {
    const fs::path folder = data / "needlebench_mrs";
    if (family_) {
      ReadNames(folder / "names_en.json");
    } else {
      ReadItems(FindItems(folder));
    }
    for (const size_t count : options.needles) {
      const size_t have = family_ ? names_.size() : std::as_const(items_)[count].size();
      if (have <= (family_ ? count : 0)) {
        throw InputError({.what = "no data for M-RS with " + std::to_string(count) + " needles",
                          .where = folder.string(),
                          .expected = family_ ? "more names" : "items with that derivation_count"});
      }
    }
  }

  Puzzle Get(size_t needles, uint32_t repeat) const {
    if (family_) return FamilyPuzzle(names_, needles, repeat);
    const std::vector<Puzzle>& group = items_[needles];
    return group[PickItem(group.size(), repeat)];
  }

 private:
  static constexpr size_t kMostNeedles = 5;

  static fs::path FindItems(const fs::path& folder) {
    const fs::path official = folder / "multi_needle_reasoning_en.jsonl";
    if (fs::is_regular_file(official)) return official;
    return FindDataFile(folder, "multi_needle_reasoning_en.reconstructed", "mrs");
  }

  void ReadItems(const fs::path& file) {
    for (const DataItem& line : ReadDataItems(file)) {
      const int64_t count = line.Integer("derivation_count");
      Puzzle puzzle{line.Text("id"), line.Texts("derivations"), line.Text("question"),
                    line.Text("answer")};
      if (count < 1 || count > static_cast<int64_t>(kMostNeedles) ||
          static_cast<size_t>(count) != puzzle.facts.size()) {
        line.Fail("derivation_count", "the number of \"derivations\", 1 to 5");
      }
      items_[puzzle.facts.size()].push_back(std::move(puzzle));
    }
  }

  void ReadNames(const fs::path& file) {
    const auto object = nlohmann::json::parse(ReadFile(file, "names"), nullptr, false);
    if (!object.is_object() || !object.contains("English") || !object["English"].is_string()) {
      throw InputError({.what = "cannot read the names of M-RS version 2",
                        .where = file.string() + ", field \"English\"",
                        .expected = R"({"English": "First Last,First Last,..."})"});
    }
    const std::string names = object["English"].get<std::string>();
    for (size_t begin = 0; begin <= names.size();) {
      const size_t end = std::min(names.find(',', begin), names.size());
      names_.push_back(names.substr(begin, end - begin));
      begin = end + 1;
    }
  }

  bool family_;
  std::vector<Puzzle> items_[kMostNeedles + 1];  // by number of needles
  std::vector<std::string> names_;
};

class NeedleBenchTask : public GenerationTask {
 public:
  explicit NeedleBenchTask(NeedleBenchOptions options) : options_(std::move(options)) {}

  std::vector<GenerationItem> Items(const TaskInputs& inputs) const override {
    MEAP_CHECK(inputs.codec != nullptr, "a codec");
    const PuzzleSource source(options_, inputs.data);
    const NeedleBenchContext context(ReadTextFiles(inputs.data / "niah" / "essays", "mrs"),
                                     *inputs.codec);
    std::vector<GenerationItem> items;
    for (const Place& place : Places(inputs.limit)) {
      const Puzzle puzzle = source.Get(place.needles, place.repeat);
      items.push_back(
          Item(place, puzzle,
               context.Build(puzzle, place.repeat, place.length, options_.buffer, place.depth)));
      if (options_.family && inputs.chat) items.back().max_new_tokens = kChatNewTokens;
    }
    return items;
  }

  std::string Answer(const GenerationItem&, std::string_view response) const override {
    return std::string(StripText(response));
  }

  Metrics Score(const GenerationItem& item, std::string_view answer) const override {
    const std::string& gold = item.references.front();
    const double score =
        options_.family ? (BoxedAnswer(answer) == gold ? 100 : 0) : AnswerWordsFound(answer, gold);
    return {{"mrs", score}, {"best_subspan_em", BestSubspanEm(answer, item.references)}};
  }

 private:
  /// Every cell and repeat, or `limit` of them spread evenly over all.
  std::vector<Place> Places(size_t limit) const {
    std::vector<Place> all;
    for (const int length : options_.lengths) {
      for (const size_t needles : options_.needles) {
        for (const int depth : options_.depths) {
          for (uint32_t repeat = 0; repeat < options_.repeats; ++repeat) {
            all.push_back({length, needles, depth, repeat});
          }
        }
      }
    }
    if (limit == 0 || limit >= all.size()) return all;
    std::vector<Place> some;
    for (size_t i = 0; i < limit; ++i) some.push_back(all[i * all.size() / limit]);
    return some;
  }

  GenerationItem Item(const Place& place, const Puzzle& puzzle, const std::string& context) const {
    GenerationItem item;
    item.group = {{"length", place.length}, {"depth", place.depth}, {"needles", place.needles}};
    item.id = std::to_string(place.length) + "@" + std::to_string(place.depth) + "/" +
              std::to_string(place.needles) + "#" + std::to_string(place.repeat);
    // The same puzzle comes back at every length and depth.
    item.item = std::to_string(place.needles) + "#" + puzzle.id;
    item.prompt = options_.family ? NeedleBenchV2Prompt(context, puzzle.question, puzzle.id)
                                  : NeedleBenchPrompt(context, puzzle.question);
    item.chat = {{"user", item.prompt}};
    item.max_new_tokens = kMaxNewTokens;
    item.references = {puzzle.answer};
    item.extra = {{"repeat", place.repeat}, {"question", puzzle.question}};
    return item;
  }

  NeedleBenchOptions options_;
};

}  // namespace

std::unique_ptr<GenerationTask> MakeNeedleBenchTask(const NeedleBenchOptions& options) {
  return std::make_unique<NeedleBenchTask>(options);
}

}  // namespace meap
