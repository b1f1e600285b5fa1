#include "text/unicode.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "core/strings.h"

namespace meap::unicode {
namespace {

enum class Category : uint8_t {
  // clang-format off
  kLu, kLl, kLt, kLm, kLo, kMn, kMc, kMe, kNd, kNl, kNo, kPc, kPd, kPs, kPe, kPi, kPf, kPo,
  kSm, kSc, kSk, kSo, kZs, kZl, kZp, kCc, kCf, kCo,
  // clang-format on
};
constexpr std::string_view kCategoryNames[] = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Co"};

struct CodePointRange {
  uint32_t first;
  uint32_t last;
};
struct CategoryRange {
  uint32_t first;
  uint32_t last;
  Category category;
};
struct LowercaseRun {
  uint32_t first;
  uint32_t last;
  uint32_t step;
  int32_t distance;
};

#include "text/unicode_tables.inc"

// \s of the regular expressions, of Rust's char::is_whitespace and of its regex crate are one set.
constexpr CodePointRange kSpaces[] = {
    {0x9, 0xD},       {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},     {0x1680, 0x1680},
    {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F}, {0x3000, 0x3000}};
constexpr uint32_t kCodePoints = 0x110000;

template <typename Table>
void Mark(uint8_t* classes, const Table& table, uint8_t bit) {
  for (const CodePointRange& range : table) {
    for (uint32_t c = range.first; c <= range.last; ++c) classes[c] |= bit;
  }
}

void Add(Ranges& ranges, uint32_t first, uint32_t last) {
  if (!ranges.empty() && ranges.back().second + 1 == first) {
    ranges.back().second = last;
  } else {
    ranges.emplace_back(first, last);
  }
}

template <typename Table>
Ranges ToRanges(const Table& table) {
  Ranges ranges;
  for (const CodePointRange& range : table) Add(ranges, range.first, range.last);
  return ranges;
}

}  // namespace

const uint8_t* ClassTable() {
  // Never freed: worker threads may still read it while the process ends.
  static const uint8_t* const table = [] {
    auto* classes = new uint8_t[kCodePoints]();
    for (const CategoryRange& range : kCategories) {
      const char group = kCategoryNames[static_cast<size_t>(range.category)][0];
      if (group != 'L' && group != 'N') continue;
      const uint8_t bit = group == 'L' ? kLetter : kNumber;
      for (uint32_t c = range.first; c <= range.last; ++c) classes[c] |= bit;
    }
    Mark(classes, kSpaces, kSpace);
    Mark(classes, kNumericRanges, ClassBit::kNumeric);
    Mark(classes, kPunctuationRanges, ClassBit::kPunctuation);
    Mark(classes, kRustWordRanges, ClassBit::kWord);
    return classes;
  }();
  return table;
}

Ranges PropertyRanges(std::string_view name) {
  if (name == "space") return ToRanges(kSpaces);
  if (name == "word") return ToRanges(kWordRanges);
  if (name == "Han") return ToRanges(kHanRanges);
  if (name == "digit") name = "Nd";
  Ranges ranges;
  for (const CategoryRange& range : kCategories) {
    const std::string_view category = kCategoryNames[static_cast<size_t>(range.category)];
    if (name == category || name == category.substr(0, 1)) Add(ranges, range.first, range.last);
  }
  return ranges;
}

Ranges Complement(const Ranges& ranges) {
  Ranges result;
  uint32_t next = 0;
  const auto gap = [&](uint32_t first, uint32_t end) {  // [first, end) without the surrogates
    if (first < std::min(end, 0xD800u)) result.emplace_back(first, std::min(end, 0xD800u) - 1);
    if (std::max(first, 0xE000u) < end) result.emplace_back(std::max(first, 0xE000u), end - 1);
  };
  for (const auto& [first, last] : ranges) {
    gap(next, first);
    next = last + 1;
  }
  gap(next, kCodePoints);
  return result;
}

bool NormalizerKnows(uint32_t code_point) {
  const auto* range = std::upper_bound(
      std::begin(kNormalizerKnows), std::end(kNormalizerKnows), code_point,
      [](uint32_t value, const CodePointRange& item) { return value < item.first; });
  return range != std::begin(kNormalizerKnows) && code_point <= std::prev(range)->last;
}

void AppendLowercase(uint32_t code_point, std::string& out) {
  if (code_point == 0x130) {  // the one code point whose lower case is two
    out += "i\xCC\x87";
    return;
  }
  const auto* run =
      std::upper_bound(std::begin(kLowercase), std::end(kLowercase), code_point,
                       [](uint32_t value, const LowercaseRun& item) { return value < item.first; });
  // Runs of step 2 may interleave, so the last few that begin before the code point are asked.
  for (int tries = 0; run != std::begin(kLowercase) && tries < 4; ++tries) {
    --run;
    if (code_point <= run->last && (code_point - run->first) % run->step == 0) {
      AppendUtf8(static_cast<uint32_t>(static_cast<int64_t>(code_point) + run->distance), out);
      return;
    }
  }
  AppendUtf8(code_point, out);
}

}  // namespace meap::unicode
