#include "evaltext/data_items.h"

#include <algorithm>

#include "core/error.h"
#include "core/strings.h"
#include "data/byte_source.h"
#include "data/line_reader.h"

namespace meap {
namespace {

constexpr size_t kMaxLineBytes = size_t{64} << 20;

Compression CompressionOf(const fs::path& file) {
  const std::string extension = file.extension().string();
  if (extension == ".gz") return Compression::kGzip;
  return extension == ".zst" ? Compression::kZstd : Compression::kNone;
}

std::string Shortened(const std::string& text) {
  constexpr size_t kLongest = 100;
  if (text.size() <= kLongest) return text;
  size_t cut = kLongest;
  while ((static_cast<uint8_t>(text[cut]) & 0xC0) == 0x80) --cut;
  return text.substr(0, cut) + "...";
}

}  // namespace

std::string DataItem::place() const { return file_.string() + ":" + std::to_string(line_); }

const nlohmann::ordered_json& DataItem::Primitive(std::string_view field) const {
  const auto* value = Find(field);
  if (value == nullptr || !value->is_primitive()) Fail(field, "a number or a text");
  return *value;
}

const nlohmann::ordered_json* DataItem::Find(std::string_view field) const {
  const nlohmann::ordered_json* value = &object_;
  while (true) {
    const size_t dot = field.find('.');
    const std::string name(field.substr(0, dot));
    if (!value->is_object()) return nullptr;
    const auto found = value->find(name);
    if (found == value->end()) return nullptr;
    value = &*found;
    if (dot == std::string_view::npos) return value;
    field.remove_prefix(dot + 1);
  }
}

void DataItem::Fail(std::string_view field, const std::string& expected) const {
  const nlohmann::ordered_json* value = Find(field);
  std::string got;
  if (value != nullptr) {
    got = Shortened(value->dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
  } else {
    std::vector<std::string> names;
    for (const auto& [name, ignored] : object_.items()) names.push_back(name);
    got = "an object with ";
    for (size_t i = 0; i < names.size(); ++i) got += (i > 0 ? ", " : "") + names[i];
    if (names.empty()) got = "an empty object";
  }
  throw InputError({.what = "a data item is not of the task's format",
                    .where = place() + ", field \"" + std::string(field) + "\"",
                    .expected = expected,
                    .got = got,
                    .hint = "`meap eval --list` shows each task's data format"});
}

std::string DataItem::Text(std::string_view field) const {
  const nlohmann::ordered_json* value = Find(field);
  if (value != nullptr && value->is_string()) return value->get<std::string>();
  if (value != nullptr && (value->is_number() || value->is_boolean())) return value->dump();
  Fail(field, "a string");
}

int64_t DataItem::Integer(std::string_view field) const {
  const nlohmann::ordered_json* value = Find(field);
  if (value != nullptr && value->is_number_integer()) return value->get<int64_t>();
  Fail(field, "an integer");
}

std::vector<std::string> DataItem::Texts(std::string_view field) const {
  const nlohmann::ordered_json* value = Find(field);
  const std::string expected = "an array of strings";
  if (value == nullptr || !value->is_array()) Fail(field, expected);
  std::vector<std::string> texts;
  for (const nlohmann::ordered_json& element : *value) {
    if (!element.is_string()) Fail(field, expected);
    texts.push_back(element.get<std::string>());
  }
  return texts;
}

std::vector<int64_t> DataItem::Integers(std::string_view field) const {
  const nlohmann::ordered_json* value = Find(field);
  const std::string expected = "an array of integers";
  if (value == nullptr || !value->is_array()) Fail(field, expected);
  std::vector<int64_t> numbers;
  for (const nlohmann::ordered_json& element : *value) {
    if (!element.is_number_integer()) Fail(field, expected);
    numbers.push_back(element.get<int64_t>());
  }
  return numbers;
}

std::vector<DataItem> ReadDataItems(const fs::path& file, size_t limit) {
  LineReader lines(OpenByteSource(file, CompressionOf(file)), kMaxLineBytes);
  std::vector<DataItem> items;
  std::string_view line;
  for (LineReader::Status status; (status = lines.Next(line)) != LineReader::Status::kEnd;) {
    if (limit > 0 && items.size() == limit) break;
    const std::string place = file.string() + ":" + std::to_string(lines.line_number());
    if (status == LineReader::Status::kTooLong) {
      throw InputError({.what = "a line is too long", .where = place, .expected = "up to 64 MiB"});
    }
    if (IsBlank(line)) continue;
    nlohmann::ordered_json object = nlohmann::ordered_json::parse(line, nullptr, false);
    if (!object.is_object()) {
      throw InputError({.what = "a line of a data file is not a JSON object",
                        .where = place,
                        .expected = "one JSON object a line",
                        .got = Shortened(std::string(line))});
    }
    items.emplace_back(std::move(object), file, lines.line_number());
  }
  return items;
}

fs::path FindDataFile(const fs::path& dir, const std::string& stem, std::string_view task) {
  for (const char* extension : {".jsonl", ".jsonl.gz", ".jsonl.zst"}) {
    fs::path file = dir / (stem + extension);
    if (fs::is_regular_file(file)) return file;
  }
  throw MissingData(
      {.what = "no data for the task " + std::string(task),
       .where = (dir / stem).string() + ".jsonl",
       .expected = "the file, plain or as .jsonl.gz or .jsonl.zst",
       .got = fs::is_directory(dir) ? "a folder without it" : "no such folder",
       .hint = "--data names the folder that holds " + dir.filename().string() + "/"});
}

std::vector<std::string> ReadTextFiles(const fs::path& dir, std::string_view task) {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, ignored)) {
    if (entry.path().extension() == ".txt") names.push_back(entry.path().filename().string());
  }
  if (names.empty()) {
    throw MissingData({.what = "no haystack text for the task " + std::string(task),
                       .where = dir.string(),
                       .expected = "a folder with .txt files",
                       .got = fs::is_directory(dir) ? "a folder without any" : "no such folder",
                       .hint = "--data names the folder that holds niah/essays/"});
  }
  std::sort(names.begin(), names.end());
  std::vector<std::string> texts;
  for (const std::string& name : names) texts.push_back(ReadFile(dir / name, "haystack text"));
  if (std::all_of(texts.begin(), texts.end(), [](const auto& text) { return IsBlank(text); })) {
    throw InputError({.what = "the haystack text for the task " + std::string(task) + " is empty",
                      .where = dir.string(),
                      .expected = ".txt files with text in them",
                      .got = Join(names, ", ") + " without a word"});
  }
  return texts;
}

}  // namespace meap
