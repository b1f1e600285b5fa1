// The `pre_tokenizer` of a tokenizer.json: cuts text into the pieces that the model encodes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_node.h"
#include "text/scanner.h"
#include "text/span_split.h"

namespace meap {

/// A chain of cuts. Thread-safe.
class PreTokenizer {
 public:
  PreTokenizer() = default;
  /// Reads the `pre_tokenizer` object; a type that is not supported is an InputError. With
  /// `bytes_last`, a ByteLevel at the end leaves raw bytes for a model that reads them so.
  PreTokenizer(const JsonNode& node, bool bytes_last);

  /// True when the last step is ByteLevel.
  static bool EndsInByteLevel(const JsonNode& node);
  /// True when the pieces depend on whether the text is the start of the whole input.
  bool depends_on_start() const;

  /// Calls `emit(piece)` for each piece of `text`, none of them empty. `at_start`: the text is the
  /// start of the whole input. Pieces may point into temporary memory: valid during the call.
  template <typename Emit>
  void ForEach(std::string_view text, bool at_start, Emit&& emit) const {
    if (steps_.size() == 1 && ScanOnly(steps_[0].kind)) {
      Scan(steps_[0], text, emit);  // the common case, with `emit` inlined into the scanner
      return;
    }
    const Sink sink = [&](std::string_view piece) { emit(piece); };
    Run(0, text, at_start, sink);
  }

 private:
  using Sink = std::function<void(std::string_view)>;
  enum class Kind {
    kGpt2,
    kLlama3,
    kSplit,
    kDigits,
    kPunctuation,
    kWhitespace,
    kWhitespaceSplit,
    kMetaspace,
    kPrefixSpace,
    kByteLevel
  };
  enum class Prepend { kNever, kFirst, kAlways };
  struct Step {
    Kind kind;
    SplitBehavior behavior = SplitBehavior::kIsolated;
    int max_digits = 0;                 // kLlama3
    std::vector<Pattern> pattern = {};  // kSplit: one
    bool invert = false;                // kSplit
    std::string replacement = {};       // kMetaspace
    Prepend prepend = Prepend::kNever;  // kMetaspace
    bool split = true;                  // kMetaspace
  };

  static bool ScanOnly(Kind kind) { return kind == Kind::kGpt2 || kind == Kind::kLlama3; }
  template <typename Emit>
  static void Scan(const Step& step, std::string_view text, Emit&& emit) {
    if (step.kind == Kind::kGpt2) {
      ScanGpt2(text, emit);
    } else {
      ScanLlama3(text, step.max_digits, emit);
    }
  }

  void Add(const JsonNode& node);
  void AddSplit(const JsonNode& node);
  void AddByteLevel(const JsonNode& node);
  void AddMetaspace(const JsonNode& node);
  void AddClass(const JsonNode& node, std::string_view name);
  void Run(size_t index, std::string_view text, bool at_start, const Sink& sink) const;
  void RunSpans(size_t index, std::string_view text, bool at_start, const Sink& sink) const;
  void RunMetaspace(size_t index, std::string_view text, bool at_start, const Sink& sink) const;

  std::vector<Step> steps_;
};

}  // namespace meap
