#include "checkpoint/safetensors_header.h"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

using nlohmann::json;

constexpr uint64_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the reference implementation's own limit

struct DTypeEntry {
  StoredDType dtype;
  const char* name;
  int64_t bytes;
  int rank;  // the reference implementation's order among element types
};
constexpr DTypeEntry kDTypes[] = {
    {StoredDType::kBool, "BOOL", 1, 0},      {StoredDType::kU8, "U8", 1, 1},
    {StoredDType::kI8, "I8", 1, 2},          {StoredDType::kF8E5M2, "F8_E5M2", 1, 3},
    {StoredDType::kF8E4M3, "F8_E4M3", 1, 4}, {StoredDType::kI16, "I16", 2, 5},
    {StoredDType::kU16, "U16", 2, 6},        {StoredDType::kF16, "F16", 2, 7},
    {StoredDType::kBF16, "BF16", 2, 8},      {StoredDType::kI32, "I32", 4, 9},
    {StoredDType::kU32, "U32", 4, 10},       {StoredDType::kF32, "F32", 4, 11},
    {StoredDType::kF64, "F64", 8, 12},       {StoredDType::kI64, "I64", 8, 13},
    {StoredDType::kU64, "U64", 8, 14},
};

const DTypeEntry& Entry(StoredDType dtype) {
  for (const DTypeEntry& entry : kDTypes) {
    if (entry.dtype == dtype) return entry;
  }
  MEAP_CHECK(false, "every element type has an entry");
  return kDTypes[0];
}

// What every error here says, for the file at hand.
struct Place {
  const fs::path& path;

  [[noreturn]] void Fail(const std::string& tensor, uint64_t offset, std::string expected,
                         std::string got) const {
    std::string where = path.string();
    if (!tensor.empty()) where += ", tensor " + tensor;
    throw InputError({.what = "not a whole safetensors file",
                      .where = where + ", byte " + std::to_string(offset),
                      .expected = std::move(expected),
                      .got = std::move(got),
                      .hint = "the file is damaged or was cut short; copy or download it again"});
  }
};

json ParseHeaderJson(std::string_view text, const Place& place) {
  std::set<std::string> names;
  const auto refuse_twins = [&](int depth, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && depth == 1 &&
        !names.insert(parsed.get<std::string>()).second) {
      place.Fail(parsed.get<std::string>(), kLengthBytes, "each tensor once", "its name twice");
    }
    return true;
  };
  std::string got;
  try {
    json header = json::parse(text, refuse_twins);
    if (header.is_object()) return header;
    got = std::string("JSON of type ") + header.type_name();
    place.Fail("", kLengthBytes, "a header that is one JSON object", got);
  } catch (const json::parse_error& error) {
    place.Fail("", kLengthBytes + error.byte, "a header that is one JSON object",
               "a JSON syntax error");
  } catch (const json::out_of_range&) {
    place.Fail("", kLengthBytes, "a header that is one JSON object", "a number without end");
  }
}

bool IsArrayOfUnsigned(const json& value) {
  return value.is_array() && std::all_of(value.begin(), value.end(),
                                         [](const json& v) { return v.is_number_unsigned(); });
}

// Elements times width, or false where that overflows or exceeds what a file can hold.
bool ByteCount(const StoredTensor& tensor, uint64_t& bytes) {
  bytes = static_cast<uint64_t>(StoredDTypeBytes(tensor.dtype));
  for (const int64_t extent : tensor.shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<uint64_t>(extent), &bytes)) {
      return false;
    }
  }
  return true;
}

StoredTensor ParseTensor(const std::string& name, const json& value, uint64_t data_start,
                         uint64_t file_size, const Place& place) {
  const bool well_formed = value.is_object() && value.contains("dtype") &&
                           value["dtype"].is_string() && value.contains("shape") &&
                           IsArrayOfUnsigned(value["shape"]) && value.contains("data_offsets") &&
                           IsArrayOfUnsigned(value["data_offsets"]) &&
                           value["data_offsets"].size() == 2;
  if (!well_formed) {
    place.Fail(name, kLengthBytes, "dtype, shape and two data_offsets",
               value.dump(-1, ' ', true).substr(0, 200));
  }
  StoredTensor tensor{.name = name};
  const std::string dtype = value["dtype"].get<std::string>();
  const auto* entry = std::find_if(std::begin(kDTypes), std::end(kDTypes),
                                   [&](const DTypeEntry& e) { return dtype == e.name; });
  if (entry == std::end(kDTypes)) {
    std::vector<std::string> names;
    for (const DTypeEntry& known : kDTypes) names.emplace_back(known.name);
    place.Fail(name, kLengthBytes, "a dtype among " + Join(names, ", "), dtype);
  }
  tensor.dtype = entry->dtype;
  tensor.shape = value["shape"].get<std::vector<int64_t>>();
  const uint64_t begin = value["data_offsets"][0].get<uint64_t>();
  const uint64_t end = value["data_offsets"][1].get<uint64_t>();
  const uint64_t data_size = file_size - data_start;
  if (begin > end || end > data_size) {
    place.Fail(name, data_start,
               "data_offsets in ascending order within the " + std::to_string(data_size) +
                   " bytes of data",
               "[" + std::to_string(begin) + ", " + std::to_string(end) + "]");
  }
  uint64_t needed = 0;
  if (!ByteCount(tensor, needed) || needed != end - begin) {
    place.Fail(name, data_start + begin, "the bytes of " + dtype + " " + ShapeText(tensor.shape),
               std::to_string(end - begin) + " bytes");
  }
  tensor.begin = data_start + begin;
  tensor.end = data_start + end;
  return tensor;
}

void CheckNoHoles(const std::vector<StoredTensor>& tensors, uint64_t data_start, uint64_t file_size,
                  const Place& place) {
  uint64_t position = data_start;
  for (const StoredTensor& tensor : tensors) {
    if (tensor.begin != position) {
      place.Fail(tensor.name, tensor.begin,
                 "to begin where the one before ends, at byte " + std::to_string(position),
                 tensor.begin < position ? "an overlap" : "a gap");
    }
    position = tensor.end;
  }
  if (position != file_size) {
    place.Fail("", position, "the end of the file after the last tensor",
               std::to_string(file_size - position) + " more bytes");
  }
}

}  // namespace

std::string_view StoredDTypeName(StoredDType dtype) { return Entry(dtype).name; }
int64_t StoredDTypeBytes(StoredDType dtype) { return Entry(dtype).bytes; }

std::string ShapeText(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  text += ']';
  return text;
}

SafetensorsHeader ParseSafetensorsHeader(std::span<const std::byte> bytes, const fs::path& path) {
  const Place place{path};
  uint64_t length = 0;
  if (bytes.size() < kLengthBytes) {
    place.Fail("", 0, "at least 8 bytes", std::to_string(bytes.size()) + " bytes");
  }
  std::memcpy(&length, bytes.data(), sizeof length);
  if (length > kMaxHeaderBytes || length > bytes.size() - kLengthBytes) {
    place.Fail("", 0,
               "a header length within the file's " + std::to_string(bytes.size()) + " bytes",
               std::to_string(length));
  }
  const char* text = reinterpret_cast<const char*>(bytes.data()) + kLengthBytes;
  const json parsed = ParseHeaderJson({text, length}, place);
  const uint64_t data_start = kLengthBytes + length;
  SafetensorsHeader header;
  for (const auto& [name, value] : parsed.items()) {
    if (name != "__metadata__") {
      header.tensors.push_back(ParseTensor(name, value, data_start, bytes.size(), place));
      continue;
    }
    const bool texts =
        value.is_object() &&
        std::all_of(value.begin(), value.end(), [](const json& v) { return v.is_string(); });
    if (!texts) {
      place.Fail("", kLengthBytes, "texts in __metadata__",
                 value.dump(-1, ' ', true).substr(0, 200));
    }
    for (const auto& [key, text_value] : value.items()) {
      header.metadata[key] = text_value.get<std::string>();
    }
  }
  std::stable_sort(header.tensors.begin(), header.tensors.end(),
                   [](const StoredTensor& a, const StoredTensor& b) {
                     return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
                   });
  CheckNoHoles(header.tensors, data_start, bytes.size(), place);
  return header;
}

void SortForSafetensors(std::vector<StoredTensor>& tensors) {
  std::sort(tensors.begin(), tensors.end(), [](const StoredTensor& a, const StoredTensor& b) {
    if (a.dtype != b.dtype) return Entry(a.dtype).rank > Entry(b.dtype).rank;
    return a.name < b.name;
  });
}

std::string BuildSafetensorsHeader(std::vector<StoredTensor>& tensors,
                                   const std::map<std::string, std::string>& metadata) {
  nlohmann::ordered_json object = nlohmann::ordered_json::object();
  if (!metadata.empty()) object["__metadata__"] = metadata;
  uint64_t position = 0;
  for (StoredTensor& tensor : tensors) {
    uint64_t bytes = 0;
    MEAP_CHECK(ByteCount(tensor, bytes) && !object.contains(tensor.name), tensor.name);
    tensor.begin = position;
    position = tensor.end = position + bytes;
    object[tensor.name] = {{"dtype", StoredDTypeName(tensor.dtype)},
                           {"shape", tensor.shape},
                           {"data_offsets", {tensor.begin, tensor.end}}};
  }
  std::string text = object.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // keeps every tensor's bytes aligned
  const uint64_t length = text.size();
  for (StoredTensor& tensor : tensors) {
    tensor.begin += kLengthBytes + length;
    tensor.end += kLengthBytes + length;
  }
  std::string bytes(kLengthBytes, '\0');
  std::memcpy(bytes.data(), &length, sizeof length);
  return bytes + text;
}

}  // namespace meap
