#include "data/readers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/data/data_support.h"

namespace meap {
namespace {

using ::testing::ElementsAre;
using testing::ErrorOf;
using testing::Gzip;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::JsonLine;
using testing::Put;
using testing::ReadAll;
using testing::TempDir;
using testing::Zstd;

const std::string kLines = JsonLine("one") + JsonLine("two \\u00e9\\n") + JsonLine("three");

TEST(Readers, JsonLinesInEveryPacking) {
  const TempDir dir;
  Put(dir / "a.jsonl", kLines);
  Put(dir / "a.jsonl.gz", Gzip(kLines));
  Put(dir / "a.json.gz", Gzip(JsonLine("one")) + Gzip(JsonLine("two \\u00e9\\n")) +
                             Gzip(JsonLine("three")));  // several members
  Put(dir / "a.jsonl.zst",
      Zstd(JsonLine("one")) + Zstd(JsonLine("two \\u00e9\\n")) + Zstd(JsonLine("three")));
  Put(dir / "b.JSONL", kLines.substr(0, kLines.size() - 1));  // no line break at the end
  for (const char* name : {"a.jsonl", "a.jsonl.gz", "a.json.gz", "a.jsonl.zst", "b.JSONL"}) {
    EXPECT_THAT(ReadAll(dir / name), ElementsAre("one", "two \xC3\xA9\n", "three")) << name;
  }
}

TEST(Readers, BrokenJsonLinesAreCountedByReasonAndPlace) {
  const TempDir dir;
  Put(dir / "a.jsonl",
      "{\"text\": \"good\"}\n"
      "{\"text\": \"bad \xFF\"}\n"
      "{\"text\": \n"
      "\n"
      "{\"other\": 1}\n"
      "{\"text\": 7}\n"
      "{\"text\": \"\"}\n"
      "{\"text\": \"lone \\ud800\"}\n"
      "[1]\n"
      "{\"text\": \"x\"} trailing\n"
      "{\"text\": \"end\"}\r\n");
  DropCounts drops;
  EXPECT_THAT(ReadAll(dir / "a.jsonl", {}, &drops), ElementsAre("good", "end"));
  EXPECT_EQ(drops.count(DropReason::kInvalidUtf8), 1u);
  EXPECT_EQ(drops.count(DropReason::kBadJson), 3u);
  EXPECT_EQ(drops.count(DropReason::kMissingField), 2u);
  EXPECT_EQ(drops.count(DropReason::kNotString), 1u);
  EXPECT_EQ(drops.count(DropReason::kEmpty), 1u);
  EXPECT_EQ(drops.total(), 8u);
  ASSERT_EQ(drops.places().size(), DropCounts::kMaxPlaces);
  EXPECT_THAT(drops.places()[0], HasSubstr("a.jsonl:2: invalid_utf8"));
  EXPECT_THAT(drops.places()[2], HasSubstr("a.jsonl:5: missing_field"));
}

TEST(Readers, FieldsByDottedName) {
  const TempDir dir;
  Put(dir / "a.jsonl",
      "{\"meta\": {\"body\": \"nested\"}}\n"
      "{\"meta.body\": \"literal\"}\n"
      "{\"meta\": {\"body\": {\"x\": 1}}}\n"
      "{\"meta\": 3}\n");
  DropCounts drops;
  EXPECT_THAT(ReadAll(dir / "a.jsonl", {.text_field = "meta.body"}, &drops),
              ElementsAre("nested", "literal"));
  EXPECT_EQ(drops.count(DropReason::kNotString), 1u);
  EXPECT_EQ(drops.count(DropReason::kMissingField), 1u);
}

TEST(Readers, LongLinesAreDroppedWithoutHoldingThem) {
  const TempDir dir;
  const std::string huge(3000000, 'x');
  Put(dir / "a.jsonl", JsonLine("a") + JsonLine(huge) + JsonLine("b") + JsonLine(huge));
  DropCounts drops;
  EXPECT_THAT(ReadAll(dir / "a.jsonl", {.max_document_bytes = 1000000}, &drops),
              ElementsAre("a", "b"));
  EXPECT_EQ(drops.count(DropReason::kTooLong), 2u);
  EXPECT_THAT(drops.places()[1], HasSubstr("a.jsonl:4: too_long"));
}

TEST(Readers, LineLimitIsExact) {
  const TempDir dir;
  for (const size_t size : {size_t{100}, size_t{600000}}) {  // within the first buffer and beyond
    const std::string line = JsonLine(std::string(size, 'x'));
    Put(dir / "a.jsonl", line + JsonLine("next"));
    EXPECT_EQ(ReadAll(dir / "a.jsonl", {.max_document_bytes = line.size() - 1}).size(), 2u);
    EXPECT_EQ(ReadAll(dir / "a.jsonl", {.max_document_bytes = line.size() - 2}).size(), 1u);
  }
}

TEST(Readers, TornCompressedFilesAreErrorsThatNameThePlace) {
  const TempDir dir;
  std::string noise;
  for (int i = 0; i < 20000; ++i) noise += JsonLine(std::to_string(i * 7919 % 10007));
  const std::string gzip = Gzip(noise);
  const std::string zstd = Zstd(noise);
  Put(dir / "torn.jsonl.gz", gzip.substr(0, gzip.size() / 2));
  Put(dir / "torn.jsonl.zst", zstd.substr(0, zstd.size() / 2));
  Put(dir / "empty.jsonl.gz", "");
  Put(dir / "empty.jsonl.zst", "");
  Put(dir / "plain.jsonl.gz", noise);
  Put(dir / "plain.jsonl.zst", noise);
  std::string flipped = gzip;
  flipped[flipped.size() - 6] ^= 1;  // in the CRC
  Put(dir / "flipped.jsonl.gz", flipped);
  for (const char* name : {"torn.jsonl.gz", "torn.jsonl.zst", "empty.jsonl.gz", "empty.jsonl.zst",
                           "plain.jsonl.gz", "plain.jsonl.zst", "flipped.jsonl.gz"}) {
    const ErrorParts parts = ErrorOf([&] { ReadAll(dir / name); });
    EXPECT_THAT(parts.where, HasSubstr(name));
    EXPECT_THAT(parts.where, HasSubstr("compressed byte"));
  }
}

TEST(Readers, WrongFilesAreErrors) {
  const TempDir dir;
  Put(dir / "a.doc", "x");
  Put(dir / "array.json", "[{\"text\": \"a\"},\n{\"text\": \"b\"}]\n");
  EXPECT_THAT(ErrorOf([&] { ReadAll(dir / "a.doc"); }).expected, HasSubstr(".jsonl"));
  EXPECT_THAT(ErrorOf([&] { ReadAll(dir / "missing.txt"); }).where, HasSubstr("missing.txt"));
  Put(dir / "line.json", "[{\"text\": \"a\"}, {\"text\": \"b\"}]\n");
  EXPECT_THAT(ErrorOf([&] { ReadAll(dir / "array.json"); }).hint, HasSubstr("jq"));
  EXPECT_THAT(ErrorOf([&] { ReadAll(dir / "line.json"); }).hint, HasSubstr("jq"));
}

TEST(Readers, TextIsOneDocumentOrCutAtSeparators) {
  const TempDir dir;
  Put(dir / "one.txt", "\xEF\xBB\xBFline\n  two <|endoftext|> inside\n");
  EXPECT_THAT(ReadAll(dir / "one.txt"), ElementsAre("line\n  two <|endoftext|> inside\n"));
  Put(dir / "many.txt",
      "<|endoftext|>\na\nb\n<|endoftext|>\r\nc\r\n<|endoftext|>\n\nd\n"
      "<|endoftext|>");
  EXPECT_THAT(ReadAll(dir / "many.txt"), ElementsAre("a\nb", "c", "\nd"));
  Put(dir / "empty.txt", "");
  EXPECT_THAT(ReadAll(dir / "empty.txt"), IsEmpty());
}

TEST(Readers, SeparatorsAreFoundWhereverAReadEnds) {
  const TempDir dir;
  for (size_t before = 0; before < 18; ++before) {
    const std::string first((size_t{1} << 20) - before, 'x');  // files are read a MiB at a time
    Put(dir / "a.txt", first + "\n<|endoftext|>\r\nsecond");
    EXPECT_THAT(ReadAll(dir / "a.txt"), ElementsAre(first, "second")) << before;
  }
}

TEST(Readers, LongTextIsCutAtLineEnds) {
  const TempDir dir;
  std::string text;
  while (text.size() < 5000000)
    text += "A line of text, number " + std::to_string(text.size()) + ".\n";
  Put(dir / "long.txt", text);
  Put(dir / "long.txt.zst", Zstd(text));
  const ReaderOptions options{.max_document_bytes = 1500000};
  const std::vector<std::string> pieces = ReadAll(dir / "long.txt", options);
  ASSERT_GT(pieces.size(), 3u);
  std::string joined;
  for (const std::string& piece : pieces) {
    EXPECT_LE(piece.size(), options.max_document_bytes);
    EXPECT_EQ(piece.back(), '\n');
    joined += piece;
  }
  EXPECT_EQ(joined, text);
  EXPECT_EQ(ReadAll(dir / "long.txt.zst", options), pieces);
  std::string letters;  // no place to cut but between letters of two bytes
  for (int i = 0; i < 1000000; ++i) letters += "\xC3\xA9";
  Put(dir / "letters.txt", "a" + letters);
  DropCounts drops;
  joined.clear();
  for (const std::string& piece : ReadAll(dir / "letters.txt", options, &drops)) joined += piece;
  EXPECT_EQ(joined, "a" + letters);
  EXPECT_EQ(drops.total(), 0u);
}

TEST(Readers, CsvAfterRfc4180) {
  const TempDir dir;
  Put(dir / "a.csv",
      "id,text,note\r\n"
      "1,plain,\r\n"
      "2,\"quoted, with \"\"marks\"\" and\nbreak\",n\r\n"
      "3,,empty\n"
      "4\n"
      "5,a,b,c\n"
      "6,\"x\"y,z\n"
      "\n"
      "7,last,\"open");
  DropCounts drops;
  EXPECT_THAT(ReadAll(dir / "a.csv", {}, &drops),
              ElementsAre("plain", "quoted, with \"marks\" and\nbreak"));
  EXPECT_EQ(drops.count(DropReason::kEmpty), 1u);
  EXPECT_EQ(drops.count(DropReason::kBadCsv), 3u);
  EXPECT_EQ(drops.count(DropReason::kMissingField), 1u);  // of "4"; a blank line is no record
  EXPECT_THAT(drops.places()[0], HasSubstr("a.csv:5: empty"));
  const ErrorParts parts = ErrorOf([&] { ReadAll(dir / "a.csv", {.text_field = "txt"}); });
  EXPECT_THAT(parts.got, HasSubstr("id, text, note"));
  EXPECT_THAT(parts.hint, HasSubstr("--text-field text"));
}

TEST(Readers, CsvWithCarriageReturnsAlone) {
  const TempDir dir;
  Put(dir / "a.csv", "text,n\rabc,1\r\"d\re\",2\r\nf,3\r");
  EXPECT_THAT(ReadAll(dir / "a.csv"), ElementsAre("abc", "d\re", "f"));
}

TEST(Readers, CsvGivesBackAnyTextThatWasQuoted) {
  const TempDir dir;
  EXPECT_TRUE(rc::check([&](const std::vector<std::string>& fields) {
    std::string csv = "text,n\n";
    std::vector<std::string> expected;
    for (std::string field : fields) {
      for (char& c : field) c = static_cast<char>(c & 0x7F);
      csv += '"';
      for (const char c : field) csv += c == '"' ? std::string("\"\"") : std::string(1, c);
      csv += "\",1\n";
      if (!field.empty()) expected.push_back(field);
    }
    Put(dir / "p.csv", csv);
    RC_ASSERT(ReadAll(dir / "p.csv") == expected);
  }));
}

// rows.parquet: 600 rows in three row groups, small pages; text is "Row N ee text." with e acute,
// null in row 8 and empty in row 12; meta.body in every second row, dictionary-encoded.
TEST(Readers, Parquet) {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  if (!fs::exists(folder / "libmeap_parquet.so")) GTEST_SKIP() << "built without pyarrow";
  const fs::path path = testing::Fixture("data/rows.parquet");
  DropCounts drops;
  const std::vector<std::string> texts = ReadAll(path, {}, &drops);
  ASSERT_EQ(texts.size(), 598u);
  EXPECT_EQ(texts[4], "Row 4 \xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 text.");
  EXPECT_EQ(texts[597], "Row 599 \xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9 text.");
  EXPECT_THAT(drops.places(), ElementsAre(HasSubstr("rows.parquet:8: not_string"),
                                          HasSubstr("rows.parquet:12: empty")));
  const std::vector<std::string> bodies = ReadAll(path, {.text_field = "meta.body"}, &drops);
  ASSERT_EQ(bodies.size(), 300u);
  EXPECT_EQ(bodies[2], "body 1");
  EXPECT_EQ(drops.count(DropReason::kNotString), 300u);
  std::atomic<uint64_t> consumed{0};
  const auto reader = OpenDocuments(path, {}, &consumed);
  std::string_view text;
  while (reader->Next(text)) {
  }
  EXPECT_EQ(consumed, fs::file_size(path));
}

TEST(Readers, WrongParquetIsAnError) {
  const fs::path folder = fs::read_symlink("/proc/self/exe").parent_path();
  if (!fs::exists(folder / "libmeap_parquet.so")) GTEST_SKIP() << "built without pyarrow";
  const fs::path path = testing::Fixture("data/rows.parquet");
  const ErrorParts parts = ErrorOf([&] { ReadAll(path, {.text_field = "texts"}); });
  EXPECT_THAT(parts.got, HasSubstr("text, meta.body"));
  EXPECT_THAT(parts.hint, HasSubstr("--text-field text"));
  ErrorOf([&] { ReadAll(path, {.text_field = "id"}); });
  const TempDir dir;
  const std::string bytes = testing::Get(path);
  Put(dir / "cut.parquet", bytes.substr(0, bytes.size() / 2));
  EXPECT_THAT(ErrorOf([&] { ReadAll(dir / "cut.parquet"); }).where, HasSubstr("cut.parquet"));
  std::string flipped = bytes;
  for (size_t at = 100; at < 1500; ++at) flipped[at] = '\x5A';
  Put(dir / "flipped.parquet", flipped);
  EXPECT_THAT(ErrorOf([&] { ReadAll(dir / "flipped.parquet"); }).what, HasSubstr("broken"));
  ErrorOf([&] { ReadAll(dir / "missing.parquet"); });
}

TEST(Readers, InputsAreFilesFoldersAndGlobs) {
  const TempDir dir;
  for (const char* name :
       {"in/b.jsonl", "in/a.txt", "in/sub/c.csv", "in/notes.md", "in/.hid.txt"}) {
    Put(dir / name, "x");
  }
  const std::string in = (dir / "in").string();
  EXPECT_THAT(ExpandInputs({in}), ElementsAre(in + "/a.txt", in + "/b.jsonl", in + "/sub/c.csv"));
  EXPECT_THAT(ExpandInputs({in + "/*.jsonl", in + "/a.txt"}),
              ElementsAre(in + "/b.jsonl", in + "/a.txt"));
  EXPECT_THAT(ExpandInputs({in + "/a.txt", in + "/sub/../a.txt"}), ElementsAre(in + "/a.txt"));
  EXPECT_THAT(ErrorOf([&] { ExpandInputs({in + "/*.parquet"}); }).where, HasSubstr("parquet"));
  fs::create_directories(dir / "bare");
  EXPECT_THAT(ErrorOf([&] { ExpandInputs({(dir / "bare").string()}); }).where, HasSubstr("bare"));
}

}  // namespace
}  // namespace meap
