#include "checkpoint/safetensors.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>

#include <cstring>
#include <fstream>

#include "core/philox.h"
#include "tests/support.h"

namespace meap {
namespace {

using ::meap::testing::ErrorOf;
using ::meap::testing::TempDir;
using ::testing::HasSubstr;

// A file of this header text (its length prefixed) and data.
std::string FileBytes(const std::string& header, const std::string& data) {
  const uint64_t length = header.size();
  std::string bytes(8, '\0');
  std::memcpy(bytes.data(), &length, 8);
  return bytes + header + data;
}

ErrorParts ErrorOfBytes(const std::string& bytes) {
  const TempDir folder;
  std::ofstream(folder / "x.safetensors", std::ios::binary) << bytes;
  return ErrorOf([&] { SafetensorsFile file(folder / "x.safetensors"); });
}

constexpr char kTwo[] = R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";

TEST(SafetensorsTest, EveryElementTypeComesBack) {
  const TempDir folder;
  std::vector<TensorSource> sources;
  std::map<std::string, at::Tensor> tensors;
  for (const at::ScalarType dtype : {at::kBool, at::kByte, at::kChar, at::kShort, at::kHalf,
                                     at::kBFloat16, at::kInt, at::kFloat, at::kDouble, at::kLong}) {
    const std::string name = c10::toString(dtype);
    tensors[name] = at::arange(6).view({2, 3}).to(dtype);
    sources.push_back(SourceOf(name, tensors[name]));
  }
  sources.push_back(SourceOf("scalar", at::scalar_tensor(2.5)));
  sources.push_back(SourceOf("empty", at::empty({0, 4})));
  SaveSafetensors(folder / "x.safetensors", sources);

  const SafetensorsFile file(folder / "x.safetensors");
  EXPECT_EQ(file.tensors().size(), tensors.size() + 2);
  EXPECT_EQ(file.metadata().at("format"), "pt");
  for (const auto& [name, tensor] : tensors) {
    ASSERT_NE(file.Find(name), nullptr) << name;
    const at::Tensor back = file.View(*file.Find(name));
    EXPECT_EQ(back.scalar_type(), tensor.scalar_type());
    EXPECT_TRUE(at::equal(back, tensor)) << name;
  }
  EXPECT_EQ(file.View(*file.Find("scalar")).item<float>(), 2.5F);
  EXPECT_EQ(file.View(*file.Find("empty")).sizes(), at::IntArrayRef({0, 4}));
  EXPECT_EQ(file.Find("absent"), nullptr);
}

TEST(SafetensorsTest, ViewsOutliveTheFileObject) {
  const TempDir folder;
  SaveSafetensors(folder / "x", {SourceOf("a", at::full({1000}, 3.F))});
  at::Tensor view;
  {
    const SafetensorsFile file(folder / "x");
    view = file.View(*file.Find("a"));
    EXPECT_EQ(view.const_data_ptr(), file.Bytes(*file.Find("a")).data());  // zero copy
  }
  EXPECT_EQ(view.sum().item<float>(), 3000.F);
}

TEST(SafetensorsTest, UnalignedElementsAreCopied) {
  const TempDir folder;
  const float values[] = {1.5F, -2.F};
  std::string data(8, '\0');
  std::memcpy(data.data(), values, 8);
  std::ofstream(folder / "x", std::ios::binary)
      << FileBytes(std::string(kTwo) + std::string(std::strlen(kTwo) % 2 == 0 ? " " : "", 1), data);
  const SafetensorsFile file(folder / "x");
  const at::Tensor a = file.View(*file.Find("a"));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(a.const_data_ptr()) % 4, 0U);
  EXPECT_EQ(a[0].item<float>(), 1.5F);
  EXPECT_EQ(a[1].item<float>(), -2.F);
}

TEST(SafetensorsTest, BytesDependOnNeitherOrderNorStrides) {
  const TempDir folder;
  const at::Tensor a = at::arange(12.F).view({3, 4});
  const at::Tensor b = at::arange(5);
  SaveSafetensors(folder / "x", {SourceOf("a", a.t()), SourceOf("b", b)});
  SaveSafetensors(folder / "y", {SourceOf("b", b), SourceOf("a", a.t().contiguous())});
  EXPECT_EQ(ReadFile(folder / "x", "test"), ReadFile(folder / "y", "test"));
}

TEST(SafetensorsTest, ConvertsWhileWritingInPieces) {
  const TempDir folder;
  const at::Tensor big = at::arange((1 << 23) + 100, at::kFloat).view({-1, 4});
  SaveSafetensors(folder / "x", {SourceOf("a", big, StoredDType::kBF16)});
  const SafetensorsFile file(folder / "x");
  EXPECT_TRUE(at::equal(file.View(*file.Find("a")), big.to(at::kBFloat16)));
}

TEST(SafetensorsTest, DamageIsNamed) {
  const std::string data(8, 'x');
  EXPECT_THAT(ErrorOfBytes("abc").got, HasSubstr("3 bytes"));
  EXPECT_THAT(ErrorOfBytes(FileBytes(kTwo, data).substr(0, 20)).expected, HasSubstr("length"));
  EXPECT_THAT(ErrorOfBytes(std::string(16, '\xff')).where, HasSubstr("byte 0"));
  EXPECT_THAT(ErrorOfBytes(FileBytes("{\"a\":", data)).got, HasSubstr("syntax"));
  EXPECT_THAT(ErrorOfBytes(FileBytes("[1]", data)).got, HasSubstr("array"));
  const ErrorParts cut = ErrorOfBytes(FileBytes(kTwo, "1234"));
  EXPECT_THAT(cut.where, HasSubstr("tensor a"));
  EXPECT_THAT(cut.expected, HasSubstr("4 bytes"));
  EXPECT_THAT(ErrorOfBytes(FileBytes(kTwo, data + "y")).got, HasSubstr("1 more"));
}

TEST(SafetensorsTest, BadHeadersAreNamed) {
  const auto error = [](const std::string& dtype, const std::string& shape,
                        const std::string& offsets) {
    return ErrorOfBytes(FileBytes("{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape +
                                      ",\"data_offsets\":" + offsets + "}}",
                                  std::string(8, 'x')));
  };
  EXPECT_EQ(error("\"F33\"", "[2]", "[0,8]").got, "F33");
  EXPECT_THAT(error("7", "[2]", "[0,8]").expected, HasSubstr("dtype"));
  EXPECT_THAT(error("\"F32\"", "[-2]", "[0,8]").expected, HasSubstr("shape"));
  EXPECT_THAT(error("\"F32\"", "[3]", "[0,8]").expected, HasSubstr("F32 [3]"));
  EXPECT_THAT(error("\"F32\"", "[2]", "[8,0]").got, HasSubstr("[8, 0]"));
  EXPECT_THAT(error("\"F32\"", "[2]", "[0,16]").got, HasSubstr("[0, 16]"));
  EXPECT_THAT(error("\"F32\"", "[2]", "[0]").expected, HasSubstr("two data_offsets"));
  // 2^62 * 4 + 8 wraps to 8 in 64 bits.
  EXPECT_THAT(error("\"F32\"", "[4611686018427387906]", "[0,8]").expected, HasSubstr("F32"));
  EXPECT_THAT(error("\"F32\"", "[18446744073709551615]", "[0,8]").expected, HasSubstr("F32"));
}

TEST(SafetensorsTest, GapsOverlapsAndTwinsAreNamed) {
  const auto two = [](const std::string& name, const std::string& first,
                      const std::string& second) {
    return ErrorOfBytes(
        FileBytes(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + first + R"(},")" + name +
                      R"(":{"dtype":"U8","shape":[4],"data_offsets":)" + second + "}}",
                  std::string(12, 'x')));
  };
  EXPECT_EQ(two("b", "[0,4]", "[8,12]").got, "a gap");
  EXPECT_EQ(two("b", "[0,4]", "[2,6]").got, "an overlap");
  EXPECT_EQ(two("a", "[0,4]", "[4,8]").got, "its name twice");
  EXPECT_THAT(ErrorOfBytes(FileBytes(R"({"__metadata__":{"a":1}})", "")).expected,
              HasSubstr("__metadata__"));
}

TEST(SafetensorsTest, AnyDamagedHeaderIsReadOrRefused) {
  const std::string good = FileBytes(
      R"({"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("b":{"dtype":"U8","shape":[3],"data_offsets":[8,11]}})",
      std::string(11, 'x'));
  PhiloxStream random(1, random_stream::kSynthesis, 0, 0);
  const auto size = static_cast<uint32_t>(good.size());
  constexpr std::string_view kSpice = "{}[]\",:0123456789eE-.nt\\\xff";
  int refused = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string bytes = good;
    for (uint32_t changes = 1 + random.Below(3); changes > 0; --changes) {
      const uint32_t at = random.Below(size);
      const char spice = kSpice[random.Below(static_cast<uint32_t>(kSpice.size()))];
      if (random.Below(4) > 0) bytes[at % bytes.size()] = spice;
      if (random.Below(4) == 0) bytes.insert(at % bytes.size(), 1, spice);
      if (random.Below(8) == 0) bytes.resize(at);
      if (bytes.empty()) break;
    }
    try {
      const auto whole = std::as_bytes(std::span(bytes));
      for (const StoredTensor& tensor : ParseSafetensorsHeader(whole, "x").tensors) {
        ASSERT_LE(tensor.end, bytes.size());
      }
    } catch (const InputError&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 10000);
}

TEST(SafetensorsFolderTest, ShardsOnlyAboveTheLimit) {
  const TempDir folder;
  const std::vector<TensorSource> sources = {SourceOf("a", at::ones({10})),
                                             SourceOf("b", at::ones({10}) * 2),
                                             SourceOf("c", at::ones({5}) * 3)};
  SaveSafetensorsFolder(folder.path(), sources, 100);
  EXPECT_TRUE(fs::exists(folder / "model.safetensors"));
  fs::remove(folder / "model.safetensors");
  SaveSafetensorsFolder(folder.path(), sources, 60);
  EXPECT_FALSE(fs::exists(folder / "model.safetensors"));
  EXPECT_TRUE(fs::exists(folder / "model-00002-of-00002.safetensors"));
  const SafetensorsFolder read(folder.path());
  EXPECT_EQ(read.entries().size(), 3U);
  EXPECT_EQ(read.entries().at("b").View().sum().item<float>(), 20.F);

  fs::remove(folder / "model-00001-of-00002.safetensors");
  EXPECT_THAT(ErrorOf([&] { SafetensorsFolder again(folder.path()); }).where,
              HasSubstr("model-00001-of-00002.safetensors"));
}

TEST(SafetensorsFolderTest, IndexAndShardsMustAgree) {
  const TempDir folder;
  SaveSafetensors(folder / "s1", {SourceOf("a", at::ones({1}))});
  SaveSafetensors(folder / "s2", {SourceOf("b", at::ones({1}))});
  const auto error = [&](const std::string& map) {
    std::ofstream(folder / "model.safetensors.index.json") << R"({"weight_map":)" << map << "}";
    return ErrorOf([&] { SafetensorsFolder read(folder.path()); });
  };
  EXPECT_THAT(error(R"({"a":"s1","b":"s1"})").got, HasSubstr("no such tensor"));
  EXPECT_THAT(error(R"({"a":"s2","b":"s1"})").got, HasSubstr("it in s1"));
  EXPECT_THAT(error(R"({"a":"../s1"})").where, HasSubstr("weight_map.a"));
  EXPECT_THAT(error("[]").where, HasSubstr("weight_map"));
  SaveSafetensors(folder / "s2", {SourceOf("a", at::ones({1}))});
  EXPECT_THAT(error(R"({"a":"s1","b":"s2"})").what, HasSubstr("two shards"));
}

TEST(SafetensorsFolderTest, NoWeightsSaysWhatToDo) {
  const TempDir folder;
  EXPECT_THAT(ErrorOf([&] { SafetensorsFolder read(folder.path()); }).expected,
              HasSubstr("model.safetensors"));
  std::ofstream(folder / "pytorch_model.bin") << "x";
  EXPECT_THAT(ErrorOf([&] { SafetensorsFolder read(folder.path()); }).hint, HasSubstr("convert"));
}

}  // namespace
}  // namespace meap
