#include "data/shard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/data/data_support.h"

namespace meap {
namespace {

using testing::ErrorOf;
using testing::Get;
using ::testing::HasSubstr;
using testing::TempDir;

std::span<const std::byte> Bytes(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

std::string WriteShard(const std::vector<std::vector<int32_t>>& documents, uint32_t token_bytes) {
  const TempDir dir;
  ShardWriter writer(dir / "s.bin", token_bytes);
  for (const auto& document : documents) writer.AddDocument(document);
  writer.Finish();
  return Get(dir / "s.bin");
}

std::vector<std::vector<int32_t>> SomeDocuments(size_t count) {
  std::vector<std::vector<int32_t>> documents(count);
  for (size_t d = 0; d < count; ++d) {
    for (size_t i = 0; i < d % 401 + 1; ++i) {
      documents[d].push_back(static_cast<int32_t>((d * 31 + i * 7) % 60000));
    }
  }
  return documents;
}

TEST(Shard, GivesBackWhatWasWritten) {
  EXPECT_TRUE(rc::check([](bool wide) {
    const auto documents = *rc::gen::container<std::vector<std::vector<int32_t>>>(
        rc::gen::container<std::vector<int32_t>>(rc::gen::inRange(0, wide ? 200000 : 65536)));
    const std::string file = WriteShard(documents, wide ? 4 : 2);
    const ShardView view(Bytes(file), "s");
    std::vector<int32_t> expected;
    std::vector<uint64_t> starts;
    for (const auto& document : documents) {
      if (document.empty()) continue;
      starts.push_back(expected.size());
      expected.insert(expected.end(), document.begin(), document.end());
    }
    RC_ASSERT(view.header().tokens == expected.size());
    std::vector<int32_t> got(expected.size());
    view.Read(0, got.size(), got.data());
    RC_ASSERT(got == expected);
    const auto stored = view.DocumentStarts();
    RC_ASSERT(std::vector<uint64_t>(stored.begin(), stored.end()) == starts);
  }));
}

TEST(Shard, AnyFlippedBitIsFoundBeforeUse) {
  const std::string file = WriteShard(SomeDocuments(3000), 2);  // several blocks
  ASSERT_GT(file.size(), 3 * kShardBlockBytes);
  EXPECT_TRUE(rc::check([&] {
    const auto at = *rc::gen::inRange<size_t>(0, file.size());
    const auto bit = *rc::gen::inRange(0, 8);
    std::string broken = file;
    broken[at] = static_cast<char>(broken[at] ^ (1 << bit));
    bool found = false;
    try {
      const ShardView view(Bytes(broken), "s");
      std::vector<int32_t> tokens(view.header().tokens);
      view.Read(0, tokens.size(), tokens.data());
      view.DocumentStarts();
    } catch (const InputError&) {
      found = true;
    }
    RC_ASSERT(found);
  }));
}

TEST(Shard, BrokenBlockIsNamedAndOthersStayReadable) {
  std::string file = WriteShard(SomeDocuments(3000), 2);
  file[64 + kShardBlockBytes + 10] ^= 1;
  const ShardView view(Bytes(file), "folder/s.bin");
  std::vector<int32_t> tokens(100);
  view.Read(0, 100, tokens.data());
  const uint64_t inside = kShardBlockBytes / 2;
  const ErrorParts parts = ErrorOf([&] { view.Read(inside - 50, 100, tokens.data()); });
  EXPECT_THAT(parts.where, HasSubstr("folder/s.bin"));
  EXPECT_THAT(parts.expected, HasSubstr("block 1 "));
  ErrorOf([&] { view.Verify(); });
}

TEST(Shard, CutFilesAreErrors) {
  const std::string file = WriteShard(SomeDocuments(100), 4);
  for (const size_t size : {size_t{0}, size_t{10}, size_t{64}, file.size() / 2, file.size() - 1}) {
    ErrorOf([&] { ShardView(Bytes(file).first(size), "s"); });
  }
  const std::string longer = file + "x";
  ErrorOf([&] { ShardView(Bytes(longer), "s"); });
}

TEST(Shard, UnfinishedFileIsRemoved) {
  const TempDir dir;
  {
    ShardWriter writer(dir / "s.bin", 2);
    writer.AddDocument(std::vector<int32_t>{1, 2, 3});
  }
  EXPECT_FALSE(fs::exists(dir / "s.bin"));
}

}  // namespace
}  // namespace meap
