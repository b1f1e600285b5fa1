#include "data/batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "tests/data/data_support.h"

namespace meap {
namespace {

using testing::ByteEncoder;
using ::testing::ElementsAreArray;
using testing::ErrorOf;
using testing::Get;
using testing::JsonLine;
using testing::Put;
using testing::TempDir;

std::shared_ptr<const TokenStore> MakeStore(const TempDir& dir, const std::string& name,
                                            int documents) {
  std::string lines;
  for (int d = 0; d < documents; ++d) {
    lines += JsonLine(
        std::string(static_cast<size_t>(d * 13 % 37 + 1), static_cast<char>('a' + d % 26)));
  }
  Put(dir / (name + ".jsonl"), lines);
  Prepare({dir / (name + ".jsonl")}, ByteEncoder(), dir / name, {});
  return std::make_shared<TokenStore>(TokenStore::Open(dir / name));
}

BatchOptions Options(int64_t rows, bool isolate = false) {
  return {.sampler = {.sequence_length = 16, .seed = 3},
          .batch_rows = rows,
          .isolate_documents = isolate};
}

void Append(Batch& whole, const Batch& part) {
  const auto add = [](auto& to, const auto& from) {
    to.insert(to.end(), from.begin(), from.end());
  };
  whole.rows += part.rows;
  add(whole.tokens, part.tokens);
  add(whole.sample_ids, part.sample_ids);
  add(whole.epochs, part.epochs);
  add(whole.segments, part.segments);
}

bool Same(const Batch& a, const Batch& b) {
  return a.rows == b.rows && a.tokens == b.tokens && a.sample_ids == b.sample_ids &&
         a.epochs == b.epochs && a.segments == b.segments;
}

TEST(Batch, RowsAreWindowsOfTheStream) {
  const TempDir dir;
  const auto store = MakeStore(dir, "a", 60);
  const BatchReader reader(store, Options(8));
  const Batch batch = reader.Step(5);
  for (int64_t r = 0; r < batch.rows; ++r) {
    const SampleRef sample = reader.sampler().At(40 + static_cast<uint64_t>(r));
    EXPECT_EQ(sample.sample_id, batch.sample_ids[static_cast<size_t>(r)]);
    const std::vector<int32_t> expected = store->Read(sample.window * 16, 17);
    EXPECT_EQ(std::vector<int32_t>(batch.row(r), batch.row(r) + 17), expected);
  }
  EXPECT_TRUE(batch.segments.empty());
}

TEST(Batch, RanksAndMicroBatchesMakeTheSameGlobalBatch) {
  const TempDir dir;
  const BatchReader reader({{MakeStore(dir, "a", 60), 2}, {MakeStore(dir, "b", 40), 1}},
                           Options(24, true));
  EXPECT_TRUE(rc::check([&] {
    const auto step = *rc::gen::inRange<uint64_t>(0, 50);  // over epoch borders
    const int64_t ranks = *rc::gen::element(1, 2, 4);
    const int64_t micro = *rc::gen::inRange(1, 9);
    Batch joined;
    const int64_t share = 24 / ranks;
    for (int64_t rank = 0; rank < ranks; ++rank) {
      for (int64_t begin = 0; begin < share; begin += micro) {
        const auto first = step * 24 + static_cast<uint64_t>(rank * share + begin);
        Append(joined, reader.Rows(first, std::min(micro, share - begin)));
      }
    }
    RC_ASSERT(Same(joined, reader.Step(step)));
  }));
}

TEST(Batch, SegmentsFollowDocuments) {
  const TempDir dir;
  const auto store = MakeStore(dir, "a", 60);
  const BatchReader reader(store, Options(4, true));
  for (uint64_t step = 0; step < 20; ++step) {
    const Batch batch = reader.Step(step);
    for (int64_t r = 0; r < batch.rows; ++r) {
      std::vector<int32_t> segments;
      for (int64_t t = 0; t < 17; ++t) {
        const bool begins = t == 0 || batch.row(r)[t] == 257;  // the encoder's BOS
        segments.push_back(t == 0 ? 0 : segments.back() + (begins ? 1 : 0));
      }
      const auto* segment = batch.segments.data() + r * 17;
      EXPECT_THAT(std::vector<int32_t>(segment, segment + 17), ElementsAreArray(segments));
    }
  }
}

TEST(Batch, DamagedTokensAreAnErrorOfTheirStep) {
  const TempDir dir;
  MakeStore(dir, "a", 60);
  std::string bytes = Get(dir / "a/tokens-00000.bin");
  bytes[200] ^= 4;
  Put(dir / "a/tokens-00000.bin", bytes);
  const auto store = std::make_shared<TokenStore>(TokenStore::Open(dir / "a"));
  const BatchReader reader(store, Options(6));
  ErrorOf([&] { reader.Step(0); });
}

}  // namespace
}  // namespace meap
