#include "train/inspect.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/error.h"

namespace meap {
namespace {

template <class T>
nlohmann::ordered_json Table(const TrainingRows& rows, const std::vector<T>& values) {
  auto table = nlohmann::ordered_json::array();
  for (int64_t r = 0; r < rows.rows; ++r) {
    const auto begin = values.begin() + r * rows.length;
    table.push_back(std::vector<T>(begin, begin + rows.length));
  }
  return table;
}

std::string TokenText(const Tokenizer& tokenizer, int64_t id) {
  const int32_t ids[] = {static_cast<int32_t>(id)};
  std::string text = tokenizer.IsSpecial(ids[0]) ? tokenizer.IdToToken(ids[0]).value_or("?")
                                                 : tokenizer.Decode(ids, false);
  // SentencePiece drops a leading space of what is decoded alone.
  const bool begins_word = tokenizer.IdToToken(ids[0]).value_or("").starts_with("\u2581");
  std::string shown = begins_word && !text.starts_with(' ') ? " " : "";
  for (const char c : text) shown += c == '\n' ? std::string("\\n") : std::string(1, c);
  return shown;
}

/// A chosen input as "[MASK:hidden]", "[RANDOM:hidden>shown]" or "[KEEP:shown]". What stood there
/// is the label of the position before; the first of a window or document has none, and what was
/// not replaced by [MASK] is then "[RANDOM|KEEP:shown]".
std::string ChosenText(const TrainingRows& rows, int64_t i, const Tokenizer& tokenizer,
                       bool color) {
  const bool known = i % rows.length > 0 && rows.labels[i - 1] != kNoLabel;
  const std::string hidden = known ? TokenText(tokenizer, rows.labels[i - 1]) : "";
  const std::string shown = TokenText(tokenizer, rows.input_ids[i]);
  const auto paint = [&](const char* code, const std::string& text) {
    return color ? fmt::format("\x1b[{}m[{}]\x1b[0m", code, text) : "[" + text + "]";
  };
  if (tokenizer.mask() == static_cast<int32_t>(rows.input_ids[i])) {
    return paint("41;97", "MASK:" + hidden);
  }
  if (!known) return paint("45;97", "RANDOM|KEEP:" + shown);
  if (rows.input_ids[i] == rows.labels[i - 1]) return paint("42;97", "KEEP:" + shown);
  return paint("44;97", "RANDOM:" + hidden + ">" + shown);
}

/// A token that the position before it predicts.
bool IsLearnt(const TrainingRows& row, int64_t t) {
  return t > 0 && row.labels[t - 1] != kNoLabel && row.segment_ids[t - 1] == row.segment_ids[t];
}

/// The labels, each at the token that it names.
std::vector<int64_t> NamedLabels(const TrainingRows& rows) {
  std::vector<int64_t> labels(rows.labels.size(), kNoLabel);
  for (size_t i = 0; i < labels.size(); ++i) {
    if (rows.labels[i] == kNoLabel) continue;
    MEAP_CHECK((i + 1) % static_cast<size_t>(rows.length) != 0, "what is named is in the row");
    labels[i + 1] = rows.labels[i];
  }
  return labels;
}

/// One row as text. Where only some tokens are learnt, those are green, or stand between guillemets
/// where there are no colours; each further segment begins a line of its own.
std::string RowText(const TrainingRows& row, const Tokenizer& tokenizer, bool color) {
  const bool partly = row.LabelCount() < row.TokenCount() - row.SegmentCount();
  std::string text;
  bool open = false;
  const auto mark_learnt = [&](bool learnt) {
    if (learnt != open) text += color ? (learnt ? "\x1b[32m" : "\x1b[0m") : (learnt ? "«" : "»");
    open = learnt;
  };
  for (int64_t t = 0; t < row.length && row.segment_ids[t] != kPadSegment; ++t) {
    const bool chosen = row.masked[t] != 0;
    mark_learnt(partly && !chosen && IsLearnt(row, t));
    if (t > 0 && row.segment_ids[t] != row.segment_ids[t - 1]) text += "\n";
    text += chosen ? ChosenText(row, t, tokenizer, color) : TokenText(tokenizer, row.input_ids[t]);
  }
  mark_learnt(false);
  return text;
}

}  // namespace

nlohmann::ordered_json RowsToJson(const TrainingRows& rows, LabelPlace place) {
  return {{"input_ids", Table(rows, rows.input_ids)},
          {"labels", Table(rows, place == LabelPlace::kNamed ? NamedLabels(rows) : rows.labels)},
          {"position_ids", Table(rows, rows.position_ids)},
          {"segment_ids", Table(rows, rows.segment_ids)},
          {"sample_ids", Table(rows, rows.sample_ids)}};
}

std::string RowsToText(const TrainingRows& rows, const Tokenizer& tokenizer, bool color) {
  std::string text;
  for (int64_t r = 0; r < rows.rows; ++r) {
    const TrainingRows row = rows.Slice(r, 1);
    std::string samples;
    for (const int64_t sample : row.Samples()) samples += fmt::format(" {}", sample);
    const auto masked = std::count(row.masked.begin(), row.masked.end(), 1);
    text += fmt::format("{}row {}: sample{}, {} of {} inputs masked, {} labels{}\n",
                        color ? "\x1b[1m" : "", r, samples, masked, row.TokenCount(),
                        row.LabelCount(), color ? "\x1b[0m" : "");
    text += RowText(row, tokenizer, color) + "\n\n";
  }
  return text;
}

}  // namespace meap
