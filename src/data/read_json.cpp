#include <simdjson.h>

#include "core/error.h"
#include "core/json.h"
#include "core/strings.h"
#include "data/line_reader.h"
#include "data/reader_formats.h"

namespace meap::internal {
namespace {

static_assert(LineReader::kPadding >= simdjson::SIMDJSON_PADDING);

class JsonLinesReader : public DocumentReader {
 public:
  JsonLinesReader(std::unique_ptr<ByteSource> source, const fs::path& path,
                  const ReaderOptions& options)
      : lines_(std::move(source), options.max_document_bytes),
        path_(path),
        field_(options.text_field) {}

  bool Next(std::string_view& text) override {
    while (true) {
      std::string_view line;
      const LineReader::Status status = lines_.Next(line);
      if (status == LineReader::Status::kEnd) return false;
      if (status == LineReader::Status::kTooLong) {
        Drop(DropReason::kTooLong);
      } else if (!IsBlank(line) && Parse(line, text)) {
        return true;
      }
    }
  }

 private:
  void Drop(DropReason reason) { drops_.Add(reason, Place()); }
  std::string Place() const { return path_.string() + ":" + std::to_string(lines_.line_number()); }

  bool Parse(std::string_view line, std::string_view& text) {
    if (lines_.line_number() == 1 && line[line.find_first_not_of(" \t")] == '[') NotLines();
    simdjson::dom::element root;
    const simdjson::error_code error = parser_.parse(line.data(), line.size(), false).get(root);
    if (error != simdjson::SUCCESS) {
      if (error == simdjson::MEMALLOC) throw std::bad_alloc();
      Drop(error == simdjson::UTF8_ERROR ? DropReason::kInvalidUtf8 : DropReason::kBadJson);
      return false;
    }
    simdjson::dom::element value;
    if (!Find(root, value)) {
      Drop(DropReason::kMissingField);
      return false;
    }
    if (value.get_string().get(text) != simdjson::SUCCESS) {
      Drop(DropReason::kNotString);
      return false;
    }
    if (!text.empty()) return true;
    Drop(DropReason::kEmpty);
    return false;
  }

  /// The field by its whole name first, then along its dots.
  bool Find(simdjson::dom::element root, simdjson::dom::element& value) const {
    if (FindKey(root, field_, value)) return true;
    std::string_view rest = field_;
    value = root;
    while (true) {
      const size_t dot = rest.find('.');
      if (!FindKey(value, rest.substr(0, dot), value)) return false;
      if (dot == std::string_view::npos) return true;
      rest.remove_prefix(dot + 1);
    }
  }

  [[noreturn]] void NotLines() const {
    throw InputError({.what = "the file is one JSON array, not JSON Lines",
                      .where = Place(),
                      .expected = "one JSON object a line",
                      .got = "'['",
                      .hint = "convert it: jq -c '.[]' FILE.json > FILE.jsonl"});
  }

  LineReader lines_;
  fs::path path_;
  std::string field_;
  simdjson::dom::parser parser_;
};

}  // namespace

std::unique_ptr<DocumentReader> OpenJsonLines(std::unique_ptr<ByteSource> source,
                                              const fs::path& path, const ReaderOptions& options) {
  return std::make_unique<JsonLinesReader>(std::move(source), path, options);
}

}  // namespace meap::internal
