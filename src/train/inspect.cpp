#include "train/inspect.h"

#include <fmt/format.h>

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
  std::string shown;
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

}  // namespace

nlohmann::ordered_json RowsToJson(const TrainingRows& rows) {
  std::vector<uint64_t> samples;
  for (const uint64_t sample : rows.sample_ids) samples.insert(samples.end(), rows.length, sample);
  return {{"input_ids", Table(rows, rows.input_ids)},
          {"labels", Table(rows, rows.labels)},
          {"position_ids", Table(rows, rows.position_ids)},
          {"segment_ids", Table(rows, rows.segment_ids)},
          {"sample_ids", Table(rows, samples)}};
}

std::string RowsToText(const TrainingRows& rows, const Tokenizer& tokenizer, bool color) {
  std::string text;
  for (int64_t r = 0; r < rows.rows; ++r) {
    int64_t masked = 0;
    std::string line;
    for (int64_t t = 0; t < rows.length; ++t) {
      const int64_t i = r * rows.length + t;
      if (rows.masked[i] == 0) {
        line += TokenText(tokenizer, rows.input_ids[i]);
        continue;
      }
      ++masked;
      line += ChosenText(rows, i, tokenizer, color);
    }
    text +=
        fmt::format("{}row {}: sample {}, {} of {} inputs masked{}\n{}\n\n", color ? "\x1b[1m" : "",
                    r, rows.sample_ids[r], masked, rows.length, color ? "\x1b[0m" : "", line);
  }
  return text;
}

}  // namespace meap
