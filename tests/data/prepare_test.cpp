#include "data/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/token_store.h"
#include "tests/data/data_support.h"

namespace meap {
namespace {

using testing::ByteEncoder;
using ::testing::ElementsAre;
using testing::ErrorOf;
using testing::FolderBytes;
using testing::Get;
using ::testing::HasSubstr;
using testing::JsonLine;
using testing::Put;
using testing::TempDir;
using testing::Zstd;

/// Six files, some packed, with duplicates and broken lines, in groups of one or two files.
std::vector<fs::path> MakeCorpus(const TempDir& dir) {
  std::vector<fs::path> files;
  for (int f = 0; f < 6; ++f) {
    std::string lines;
    for (int d = 0; d < 400; ++d) {
      lines += JsonLine("file " + std::to_string(d % 7 == 0 ? 0 : f) + " document " +
                        std::to_string(d) + std::string(static_cast<size_t>(d), '.'));
    }
    lines += "{broken\n";
    const bool packed = f % 2 == 0;
    files.push_back(dir / ("in/" + std::to_string(f) + (packed ? ".jsonl.zst" : ".jsonl")));
    Put(files.back(), packed ? Zstd(lines) : lines);
  }
  return files;
}

PrepareOptions SmallGroups() {
  PrepareOptions options;
  options.max_shard_tokens = 30000;
  options.group_bytes = 10000;
  return options;
}

TEST(Prepare, DocumentsStandBetweenBosAndEos) {
  const TempDir dir;
  Put(dir / "a.jsonl", JsonLine("ab") + JsonLine("c"));
  const PrepareResult result = Prepare({dir / "a.jsonl"}, ByteEncoder(), dir / "out", {});
  EXPECT_EQ(result.manifest.documents(), 2u);
  const TokenStore store = TokenStore::Open(dir / "out");
  EXPECT_THAT(store.Read(0, store.tokens()), ElementsAre(257, 'a', 'b', 256, 257, 'c', 256));
  EXPECT_THAT(store.DocumentStarts(0, 100), ElementsAre(0u, 4u));
  EXPECT_THAT(store.DocumentStarts(1, 4), ElementsAre());
  EXPECT_FALSE(fs::exists(dir / "out.partial"));
}

TEST(Prepare, ThreadsDoNotChangeTheBytes) {
  const TempDir dir;
  const auto files = MakeCorpus(dir);
  for (const bool dedup : {false, true}) {
    PrepareOptions options = SmallGroups();
    options.dedup = dedup;
    options.overwrite = true;
    Prepare(files, ByteEncoder(), dir / "one", options);
    options.threads = 7;
    const PrepareResult result = Prepare(files, ByteEncoder(), dir / "seven", options);
    EXPECT_EQ(FolderBytes(dir / "one"), FolderBytes(dir / "seven"));
    EXPECT_EQ(result.manifest.dropped().count(DropReason::kBadJson), 6u);
    EXPECT_EQ(result.manifest.dropped().count(DropReason::kDuplicate), dedup ? 5u * 58u : 0u);
    EXPECT_EQ(result.manifest.documents() + result.manifest.dropped().total(), 6u * 401u);
    EXPECT_GT(result.manifest.shards.size(), 6u);
  }
}

TEST(Prepare, GoesOnAfterAKillWithTheSameBytes) {
  const TempDir dir;
  const auto files = MakeCorpus(dir);
  PrepareOptions options = SmallGroups();
  options.dedup = true;
  Prepare(files, ByteEncoder(), dir / "whole", options);
  for (const int kill_at : {1, 900, 1500, 2100}) {
    const pid_t child = ::fork();
    if (child == 0) {
      DocumentEncoder encoder = ByteEncoder();
      int calls = 0;
      encoder.append = [&calls, kill_at, append = encoder.append](std::string_view text,
                                                                  std::vector<int32_t>& out) {
        if (++calls == kill_at) ::kill(::getpid(), SIGKILL);
        append(text, out);
      };
      Prepare(files, encoder, dir / "killed", options);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    EXPECT_FALSE(fs::exists(dir / "killed"));
    if (kill_at == 1500) Put(dir / "killed.partial/out/tokens-00000.bin", "broken");
    const PrepareResult result = Prepare(files, ByteEncoder(), dir / "killed", options);
    EXPECT_EQ(result.resumed_sources > 0, kill_at == 900 || kill_at == 2100);
    EXPECT_EQ(FolderBytes(dir / "whole"), FolderBytes(dir / "killed"));
    EXPECT_FALSE(fs::exists(dir / "killed.partial"));
    fs::remove_all(dir / "killed");
  }
}

TEST(Prepare, WhatIsThereIsKeptUnlessItIsOther) {
  const TempDir dir;
  const auto files = MakeCorpus(dir);
  EXPECT_FALSE(Prepare(files, ByteEncoder(), dir / "out", {}).reused);
  EXPECT_TRUE(Prepare(files, ByteEncoder(), dir / "out", {}).reused);
  PrepareOptions other;
  other.dedup = true;
  EXPECT_THAT(ErrorOf([&] { Prepare(files, ByteEncoder(), dir / "out", other); }).hint,
              HasSubstr("--overwrite"));
  other.overwrite = true;
  EXPECT_FALSE(Prepare(files, ByteEncoder(), dir / "out", other).reused);
  Put(dir / "home/precious.txt", "x");
  ErrorOf([&] { Prepare(files, ByteEncoder(), dir / "home", other); });
  EXPECT_EQ(Get(dir / "home/precious.txt"), "x");
}

TEST(Prepare, NothingToTrainOnIsAnError) {
  const TempDir dir;
  Put(dir / "a.jsonl", "{\"body\": \"x\"}\n");
  const ErrorParts parts =
      ErrorOf([&] { Prepare({dir / "a.jsonl"}, ByteEncoder(), dir / "o", {}); });
  EXPECT_THAT(parts.hint, HasSubstr("--text-field"));
  EXPECT_THAT(parts.where, HasSubstr("a.jsonl:1: missing_field"));
  EXPECT_FALSE(fs::exists(dir / "o"));
  EXPECT_FALSE(fs::exists(dir / "o.partial"));
  ErrorOf([&] { Prepare({}, ByteEncoder(), dir / "o", {}); });
  DocumentEncoder no_eos = ByteEncoder();
  no_eos.eos = -1;
  Put(dir / "b.txt", "text");
  EXPECT_THAT(ErrorOf([&] { Prepare({dir / "b.txt"}, no_eos, dir / "o", {}); }).hint,
              HasSubstr("eos_token"));
}

TEST(Prepare, CacheIsKeyedByContent) {
  const TempDir dir;
  Put(dir / "a.txt", "text");
  const PrepareResult first = PrepareCached({dir / "a.txt"}, ByteEncoder(), dir / "cache", {});
  Put(dir / "moved/b.txt", "text");
  const PrepareResult moved =
      PrepareCached({dir / "moved/b.txt"}, ByteEncoder(), dir / "cache", {});
  EXPECT_TRUE(moved.reused);
  EXPECT_EQ(first.folder, moved.folder);
  Put(dir / "a.txt", "texu");
  EXPECT_NE(PrepareCached({dir / "a.txt"}, ByteEncoder(), dir / "cache", {}).folder, first.folder);
  DocumentEncoder other = ByteEncoder();
  other.hash = "other";
  EXPECT_FALSE(PrepareCached({dir / "moved/b.txt"}, other, dir / "cache", {}).reused);
}

TEST(Prepare, TwoProcessesDoTheWorkOnce) {
  const TempDir dir;
  const auto files = MakeCorpus(dir);
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      const PrepareResult result = Prepare(files, ByteEncoder(), dir / "out", SmallGroups());
      ::_exit(result.reused ? 10 : 11);
    }
    children.push_back(child);
  }
  std::vector<int> codes;
  for (const pid_t child : children) {
    int status = 0;
    ::waitpid(child, &status, 0);
    codes.push_back(WEXITSTATUS(status));
  }
  EXPECT_THAT(codes, ::testing::UnorderedElementsAre(10, 10, 11));
  TokenStore::Open(dir / "out").Verify(2);
}

TEST(TokenStore, FoldersFollowOneAnother) {
  const TempDir dir;
  Put(dir / "a.txt", "ab");
  Put(dir / "b.txt", "cd");
  Prepare({dir / "a.txt"}, ByteEncoder(), dir / "a", {});
  Prepare({dir / "b.txt"}, ByteEncoder(), dir / "b", {});
  const TokenStore store = TokenStore::Open({dir / "a", dir / "b"});
  EXPECT_THAT(store.Read(2, 4), ElementsAre('b', 256, 257, 'c'));
  EXPECT_THAT(store.DocumentStarts(0, store.tokens()), ElementsAre(0u, 4u));
  EXPECT_THAT(store.DocumentStarts(4, 5), ElementsAre(4u));
  EXPECT_EQ(store.documents(), 2u);
  DocumentEncoder other = ByteEncoder();
  other.hash = "other";
  Prepare({dir / "b.txt"}, other, dir / "c", {});
  EXPECT_THAT(ErrorOf([&] { TokenStore::Open({dir / "a", dir / "c"}); }).where, HasSubstr("/c"));
  EXPECT_THAT(ErrorOf([&] { store.RequireTokenizer({"x", "y"}, "tok"); }).got, HasSubstr("bytes"));
  store.RequireTokenizer({"x", "bytes"}, "tok");
  EXPECT_EQ(TokenStore::Open({dir / "a", dir / "c"}, {"other", "bytes"}).documents(), 2u);
}

TEST(TokenStore, BrokenFoldersAreErrors) {
  const TempDir dir;
  Put(dir / "a.txt", "ab");
  Put(dir / "b.txt", "cde");
  Prepare({dir / "a.txt"}, ByteEncoder(), dir / "a", {});
  Prepare({dir / "b.txt"}, ByteEncoder(), dir / "b", {});
  EXPECT_THAT(ErrorOf([&] { TokenStore::Open(dir / "none"); }).got, HasSubstr("no such folder"));
  const std::string manifest = Get(dir / "a/manifest.json");
  Put(dir / "a/manifest.json", manifest.substr(0, 100));
  ErrorOf([&] { TokenStore::Open(dir / "a"); });
  std::string other = manifest;
  other.replace(other.find("\"format_version\": 1"), 19, "\"format_version\": 9");
  Put(dir / "a/manifest.json", other);
  EXPECT_THAT(ErrorOf([&] { TokenStore::Open(dir / "a"); }).got, HasSubstr("9"));
  Put(dir / "a/manifest.json", manifest);
  TokenStore::Open(dir / "a");
  fs::copy_file(dir / "b/tokens-00000.bin", dir / "a/tokens-00000.bin",
                fs::copy_options::overwrite_existing);
  EXPECT_THAT(ErrorOf([&] { TokenStore::Open(dir / "a"); }).what, HasSubstr("belong together"));
  fs::remove(dir / "a/tokens-00000.bin");
  ErrorOf([&] { TokenStore::Open(dir / "a"); });
}

}  // namespace
}  // namespace meap
