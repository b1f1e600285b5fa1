#include "data/synth.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <span>
#include <string_view>

#include "core/error.h"
#include "core/parallel.h"
#include "core/philox.h"
#include "data/synth_words.h"

namespace meap {
namespace {

using Words = std::span<const std::string_view>;

constexpr uint32_t kStories = 0;
constexpr uint32_t kProbes = 1;
constexpr size_t kChoices = 4;
constexpr size_t kCast = 4;  // people of a story, more where facts are about more

void Replace(std::string& text, std::string_view slot, std::string_view word) {
  for (size_t at = text.find(slot); at != std::string::npos; at = text.find(slot, at)) {
    text.replace(at, slot.size(), word);
    at += word.size();
  }
}

std::string Sentence(std::string text) {
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

struct Fact {
  size_t kind = 0;
  std::string key;
  std::string value;

  std::string Statement() const { return Fill(synth::kFacts[kind].statement); }
  /// The question and what stands before the answer's word.
  std::string Question(bool sentences) const {
    std::string text = "Question: " + Fill(synth::kFacts[kind].question) + "\nAnswer:";
    if (!sentences) return text;
    const std::string statement = Sentence(Statement());
    return text + " " + statement.substr(0, statement.size() - value.size() - 1);
  }

 private:
  std::string Fill(std::string_view pattern) const {
    std::string text(pattern);
    Replace(text, "{k}", key);
    Replace(text, "{v}", value);
    return text;
  }
};

/// The words of a list in a random order; what facts took is not drawn again.
class Deck {
 public:
  Deck(Words words, PhiloxStream& random) : words_(words.begin(), words.end()), random_(random) {}

  /// A word that no earlier Take gave.
  std::string Take() {
    MEAP_CHECK(!words_.empty(), "a list of words is used up");
    const size_t at = random_.Below(static_cast<uint32_t>(words_.size()));
    std::swap(words_[at], words_.back());
    const std::string word(words_.back());
    words_.pop_back();
    return word;
  }
  /// Any word that was not taken.
  std::string_view Any() { return words_[random_.Below(static_cast<uint32_t>(words_.size()))]; }

 private:
  std::vector<std::string_view> words_;
  PhiloxStream& random_;
};

/// Draws one story.
class Story {
 public:
  Story(const SynthOptions& options, uint32_t set, uint64_t index)
      : options_(options), random_(options.seed, random_stream::kSynthesis, set, index) {
    DrawFacts();
    while (cast_.size() < kCast) Person();
    Compose();
  }

  const std::vector<Fact>& facts() const { return facts_; }
  const std::string& prose() const { return prose_; }
  /// The facts' numbers in a random order.
  std::vector<size_t> Order() {
    std::vector<size_t> order(facts_.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[Below(i)]);
    return order;
  }
  /// The answer and other values of its kind, those of the story first, in a random order.
  std::vector<std::string> Choices(size_t asked) {
    std::vector<std::string> choices = {facts_[asked].value};
    const auto add = [&](const std::string& value) {
      const bool is_new = std::find(choices.begin(), choices.end(), value) == choices.end();
      if (is_new && choices.size() < kChoices) choices.push_back(value);
    };
    for (const Fact& fact : facts_) {
      if (fact.kind == facts_[asked].kind) add(fact.value);
    }
    while (choices.size() < kChoices) add(Value(facts_[asked].kind));
    for (size_t i = choices.size(); i > 1; --i) std::swap(choices[i - 1], choices[Below(i)]);
    return choices;
  }

 private:
  size_t Below(size_t bound) { return random_.Below(static_cast<uint32_t>(bound)); }

  std::string Value(size_t kind) {
    switch (kind) {
      case 0:
        return std::to_string(10 + Below(90));
      case 1:
        return colours_.Take();
      case 2:
        return cities_.Take();
      case 3:
        return secrets_.Take();
      default:
        return foods_.Take();
    }
  }

  std::string Key(size_t kind) {
    if (kind == 0) return std::string(adjectives_.Any()) + " " + objects_.Take();
    return kind == 1 ? places_.Take() : Person();
  }

  /// A person of the story, first and family name. Whoever occurs again has the same family name:
  /// the easiest thing in a story to look up, and what a model learns to look up first.
  std::string Person() {
    cast_.push_back(names_.Take() + " " + surnames_.Take());
    return cast_.back();
  }

  /// Half of the stories have facts of one kind, so that every value is a rival of the answer.
  void DrawFacts() {
    int count = options_.facts;
    if (options_.min_facts > 0 && options_.min_facts < count) {
      count -= static_cast<int>(Below(static_cast<size_t>(count - options_.min_facts + 1)));
    }
    const size_t first = Below(synth::kFacts.size());
    const size_t second = random_.Below(2) == 0 ? first : Below(synth::kFacts.size());
    for (int i = 0; i < count; ++i) {
      Fact fact;
      fact.kind = random_.Below(2) == 0 ? first : second;
      fact.key = Key(fact.kind);
      do {
        fact.value = Value(fact.kind);
      } while (std::any_of(facts_.begin(), facts_.end(),
                           [&](const Fact& other) { return other.value == fact.value; }));
      facts_.push_back(std::move(fact));
    }
  }

  std::string Filler() {
    std::string text(synth::kFiller[Below(synth::kFiller.size())]);
    const size_t name = Below(cast_.size());
    const size_t other = (name + 1 + Below(cast_.size() - 1)) % cast_.size();
    Replace(text, "{n}", cast_[name]);
    Replace(text, "{m}", cast_[other]);
    Replace(text, "{o}", std::string(adjectives_.Any()) + " " + std::string(objects_.Any()));
    Replace(text, "{p}", places_.Any());
    Replace(text, "{w}", synth::kWeather[Below(synth::kWeather.size())]);
    Replace(text, "{t}", synth::kTimes[Below(synth::kTimes.size())]);
    return Sentence(std::move(text));
  }

  std::string State(Words ways, const Fact& fact) {
    std::string text(ways[Below(ways.size())]);
    Replace(text, "{s}", fact.Statement());
    return Sentence(std::move(text));
  }

  /// First statements go anywhere into the first half of the filler, later ones into the second.
  void Compose() {
    std::vector<std::string> first;
    std::vector<std::string> second;
    const int half = (options_.filler + 1) / 2;
    for (int i = 0; i < options_.filler; ++i) (i < half ? first : second).push_back(Filler());
    const auto insert = [&](std::vector<std::string>& part, std::string sentence) {
      const auto at = static_cast<ptrdiff_t>(Below(part.size() + 1));
      part.insert(part.begin() + at, std::move(sentence));
    };
    for (const Fact& fact : facts_) {
      insert(first, State(synth::kFirst, fact));
      const auto again = static_cast<int>(Below(static_cast<size_t>(options_.repeats)));
      for (int i = 0; i < again; ++i) insert(second, State(synth::kAgain, fact));
    }
    first.insert(first.end(), second.begin(), second.end());
    for (const std::string& sentence : first) prose_ += (prose_.empty() ? "" : " ") + sentence;
    prose_ += "\n";
  }

  const SynthOptions& options_;
  PhiloxStream random_;
  Deck names_{synth::kNames, random_};
  Deck surnames_{synth::kSurnames, random_};
  Deck adjectives_{synth::kAdjectives, random_};
  Deck objects_{synth::kObjects, random_};
  Deck places_{synth::kPlaces, random_};
  Deck colours_{synth::kColours, random_};
  Deck secrets_{synth::kWords, random_};
  Deck cities_{synth::kCities, random_};
  Deck foods_{synth::kFoods, random_};
  std::vector<std::string> cast_;
  std::vector<Fact> facts_;
  std::string prose_;
};

}  // namespace

std::string SynthDocument(const SynthOptions& options, uint64_t index) {
  Story story(options, kStories, index);
  std::string text = story.prose();
  for (const size_t asked : story.Order()) {
    const Fact& fact = story.facts()[asked];
    text += fact.Question(options.sentences) + " " + fact.value + ".\n";
  }
  return text;
}

SynthProbe MakeSynthProbe(const SynthOptions& options, uint64_t index) {
  Story story(options, kProbes, index);
  const size_t asked = story.Order().front();
  const Fact& fact = story.facts()[asked];
  SynthProbe probe = {.context = story.prose(),
                      .question = fact.Question(options.sentences),
                      .answer = fact.value,
                      .choices = story.Choices(asked),
                      .facts = static_cast<int>(story.facts().size())};
  // Without its first letter, which is upper-case where the statement begins a sentence.
  const size_t at = probe.context.rfind(fact.Statement().substr(1));
  probe.depth = static_cast<double>(at) / static_cast<double>(probe.context.size());
  return probe;
}

}  // namespace meap
