// What a SentencePiece tokenizer.model holds, read from its protocol buffer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace meap {

struct SpModel {
  enum class Type { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };
  enum class PieceType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };
  struct Piece {
    std::string text;
    float score = 0;
    PieceType type = PieceType::kNormal;
  };

  std::vector<Piece> pieces;  // by id
  Type type = Type::kUnigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  bool has_character_map = false;  // normalisation other than identity
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

/// Reads the bytes of a tokenizer.model; broken ones are an InputError that names `where`.
SpModel ReadSpModel(std::string_view bytes, const std::string& where);

/// What keeps a model from being written as a tokenizer.json; "" for nothing.
std::string WhyNotJson(const SpModel& model);

/// The tokenizer.json that does what `model` does, for BPE models without normalisation; for others
/// a WorkError that says why not. `before` and `after`: ids put around texts.
std::string SpModelToJson(const SpModel& model, const std::vector<int32_t>& before,
                          const std::vector<int32_t>& after);

/// The `decoder` of that tokenizer.json, which is right for every kind of model.
std::string SpDecoderJson(const SpModel& model);

}  // namespace meap
