#include "text/sp_model.h"

#include <bit>
#include <cstring>

#include "core/error.h"
#include "core/strings.h"

namespace meap {
namespace {

/// Walks the fields of one message in protocol buffers' wire format.
class FieldReader {
 public:
  FieldReader(std::string_view bytes, const std::string& where) : rest_(bytes), where_(where) {}

  /// Goes to the next field; false at the end.
  bool Next() {
    if (rest_.empty()) return false;
    const uint64_t tag = Varint();
    number_ = tag >> 3;
    switch (tag & 7) {
      case 0:
        value_ = Varint();
        return true;
      case 1:
        data_ = Take(8);
        return true;
      case 2:
        data_ = Take(Varint());
        return true;
      case 5:
        data_ = Take(4);
        return true;
      default:
        Fail();
    }
  }
  uint64_t number() const { return number_; }
  uint64_t value() const { return value_; }
  std::string_view data() const { return data_; }
  float Float() const {
    uint32_t bits = 0;
    if (data_.size() != sizeof bits) Fail();
    std::memcpy(&bits, data_.data(), sizeof bits);
    return std::bit_cast<float>(bits);
  }

  [[noreturn]] void Fail() const {
    throw InputError({.what = "this is no SentencePiece model",
                      .where = where_,
                      .expected = "the protocol buffer that SentencePiece's trainer writes",
                      .hint = "the file may have been cut off, or be a Git LFS pointer"});
  }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      const auto byte = static_cast<uint8_t>(Take(1)[0]);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    Fail();
  }
  std::string_view Take(uint64_t size) {
    if (size > rest_.size()) Fail();
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }

  std::string_view rest_;
  const std::string& where_;
  uint64_t number_ = 0;
  uint64_t value_ = 0;
  std::string_view data_;
};

SpModel::Piece ReadPiece(std::string_view bytes, const std::string& where) {
  SpModel::Piece piece;
  for (FieldReader field(bytes, where); field.Next();) {
    if (field.number() == 1) piece.text = field.data();
    if (field.number() == 2) piece.score = field.Float();
    if (field.number() == 3) {
      if (field.value() < 1 || field.value() > 6) field.Fail();
      piece.type = static_cast<SpModel::PieceType>(field.value());
    }
  }
  if (!IsValidUtf8(piece.text)) FieldReader({}, where).Fail();
  return piece;
}

void ReadTrainerSpec(std::string_view bytes, const std::string& where, SpModel& model) {
  for (FieldReader field(bytes, where); field.Next();) {
    if (field.number() == 3) {
      if (field.value() < 1 || field.value() > 4) field.Fail();
      model.type = static_cast<SpModel::Type>(field.value());
    }
    if (field.number() == 24) model.whitespace_as_suffix = field.value() != 0;
    if (field.number() == 35) model.byte_fallback = field.value() != 0;
  }
}

void ReadNormalizerSpec(std::string_view bytes, const std::string& where, SpModel& model) {
  for (FieldReader field(bytes, where); field.Next();) {
    if (field.number() == 2) model.has_character_map = !field.data().empty();
    if (field.number() == 3) model.add_dummy_prefix = field.value() != 0;
    if (field.number() == 4) model.remove_extra_whitespaces = field.value() != 0;
    if (field.number() == 5) model.escape_whitespaces = field.value() != 0;
  }
}

}  // namespace

SpModel ReadSpModel(std::string_view bytes, const std::string& where) {
  SpModel model;
  FieldReader field(bytes, where);
  while (field.Next()) {
    if (field.number() == 1) model.pieces.push_back(ReadPiece(field.data(), where));
    if (field.number() == 2) ReadTrainerSpec(field.data(), where, model);
    if (field.number() == 3) ReadNormalizerSpec(field.data(), where, model);
  }
  if (model.pieces.empty()) field.Fail();
  return model;
}

}  // namespace meap
