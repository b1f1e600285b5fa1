// The golden files of the evaluation protocols and the shared data they speak of.
#pragma once

#include <openssl/sha.h>

#include <string>
#include <string_view>
#include <vector>

#include "evaltext/data_items.h"
#include "tests/support.h"

namespace meap::testing {

/// Lines of a golden file.
inline std::vector<DataItem> Golden(const std::string& name) {
  return ReadDataItems(SharedRoot() / "specs" / "evaluation_golden" / name);
}

inline fs::path EvalData() { return SharedRoot() / "data" / "eval"; }

inline std::string Sha256(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kDigits[byte >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

}  // namespace meap::testing
