#include "json_lines.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/error.h"
#include "core/json.h"
#include "core/parallel.h"
#include "core/strings.h"

namespace meap {
namespace {

// Lines are handed to threads in blocks of about this size; results of a round of blocks wait for
// their turn.
constexpr size_t kBlockBytes = size_t{1} << 20;

struct Block {
  std::string_view text;
  size_t first_line;  // from 1
};

[[noreturn]] void FailLine(const std::string& place, const std::string& expected,
                           const std::string& got) {
  throw InputError({.what = "a line is not what was expected",
                    .where = place,
                    .expected = expected,
                    .got = got});
}

std::string Shortened(std::string_view text) {
  constexpr size_t kLongest = 120;
  if (!IsValidUtf8(text)) return "bytes that are not UTF-8";
  if (text.size() <= kLongest) return std::string(text);
  size_t cut = kLongest;
  while ((static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) --cut;
  return std::string(text.substr(0, cut)) + "...";
}

/// Cuts `text` after line ends into blocks of about kBlockBytes.
std::vector<Block> CutBlocks(std::string_view text) {
  std::vector<Block> blocks;
  size_t line = 1;
  while (!text.empty()) {
    const size_t end = text.find('\n', std::min(kBlockBytes, text.size()) - 1);
    const std::string_view block = text.substr(0, end == std::string_view::npos ? end : end + 1);
    blocks.push_back({block, line});
    line += static_cast<size_t>(std::count(block.begin(), block.end(), '\n'));
    text.remove_prefix(block.size());
  }
  return blocks;
}

void MapBlock(const Block& block, const std::string& file,
              const std::function<void(const JsonLine&, std::string&)>& work, std::string& out) {
  simdjson::dom::parser parser;
  size_t number = block.first_line;
  for (std::string_view rest = block.text; !rest.empty(); ++number) {
    const size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (IsBlank(line)) continue;
    const std::string place = file + ":" + std::to_string(number);
    simdjson::dom::element element;
    const simdjson::error_code code = parser.parse(line.data(), line.size()).get(element);
    if (code == simdjson::UTF8_ERROR) FailLine(place, "UTF-8", "bytes that are not UTF-8");
    if (code != simdjson::SUCCESS || !element.is_object()) {
      FailLine(place, "a JSON object", Shortened(line));
    }
    work(JsonLine(element, place), out);
  }
}

std::string_view AsText(const MappedFile& map) {
  return {reinterpret_cast<const char*>(map.data()), map.size()};
}

}  // namespace

simdjson::dom::element JsonLine::Value(const char* key, const char* expected) const {
  simdjson::dom::element value;
  if (!FindKey(object_, key, value)) {
    FailLine(place_, std::string("the key \"") + key + "\" with " + expected,
             Shortened(simdjson::minify(object_)));
  }
  return value;
}

std::string_view JsonLine::String(const char* key) const {
  const simdjson::dom::element value = Value(key, "a string");
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) {
    FailLine(place_, std::string("a string under \"") + key + "\"",
             Shortened(simdjson::minify(value)));
  }
  return text;
}

std::vector<int32_t> JsonLine::Integers(const char* key) const {
  const simdjson::dom::element value = Value(key, "an array of integers");
  const auto fail = [&] {
    FailLine(place_, std::string("an array of ids under \"") + key + "\"",
             Shortened(simdjson::minify(value)));
  };
  simdjson::dom::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) fail();
  std::vector<int32_t> ids;
  for (const simdjson::dom::element item : array) {
    int64_t id = 0;
    if (item.get_int64().get(id) != simdjson::SUCCESS || id < 0 ||
        id > std::numeric_limits<int32_t>::max()) {
      fail();
    }
    ids.push_back(static_cast<int32_t>(id));
  }
  return ids;
}

void MapJsonLines(const fs::path& file, int threads,
                  const std::function<void(const JsonLine&, std::string&)>& work) {
  MappedFile map;
  std::string piped;
  if (fs::is_regular_file(file)) {
    map = MappedFile(file);
  } else {
    piped = ReadFile(file, "input");
  }
  const std::string_view bytes = map.size() > 0 ? AsText(map) : std::string_view(piped);
  const std::string_view text = WithoutByteOrderMark(bytes);
  const std::vector<Block> blocks = CutBlocks(text);
  const size_t round = static_cast<size_t>(threads) * 4;
  for (size_t start = 0; start < blocks.size(); start += round) {
    std::vector<std::string> results(std::min(round, blocks.size() - start));
    ParallelFor(results.size(), threads,
                [&](size_t i) { MapBlock(blocks[start + i], file.string(), work, results[i]); });
    for (const std::string& result : results) WriteToStdout(result);
  }
}

void WriteToStdout(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    throw WorkError(
        {.what = "the results cannot be written", .where = "stdout", .got = std::strerror(errno)});
  }
}

std::string ReadStdin() {
  std::string text;
  std::array<char, 1 << 16> buffer{};
  for (size_t size; (size = std::fread(buffer.data(), 1, buffer.size(), stdin)) > 0;) {
    text.append(buffer.data(), size);
  }
  if (!IsValidUtf8(text)) {
    throw InputError({.what = "the text is not UTF-8", .where = "stdin", .expected = "UTF-8"});
  }
  return text;
}

std::string JsonString(std::string_view text) { return nlohmann::json(text).dump(-1, ' ', true); }

}  // namespace meap
