// The regular expressions of tokenizer files: Oniguruma's syntax, run by PCRE2 with JIT.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace meap {

/// Oniguruma's pattern in PCRE2's syntax. Character properties become explicit classes, so that
/// they are those of the reference whatever Unicode version PCRE2 knows. Constructs whose meaning
/// differs or is not known to be the same are an InputError that names `where`.
std::string TranslateRegex(std::string_view pattern, const std::string& where);

/// A compiled pattern. Find() is thread-safe.
class Regex {
 public:
  /// Compiles `pattern` (Oniguruma's syntax); `where` names it in errors.
  Regex(std::string_view pattern, const std::string& where);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  /// The state of one pass over one text, as the reference iterates: no empty match right behind
  /// the last match.
  struct Cursor {
    size_t next = 0;
    size_t last_end = SIZE_MAX;
  };
  /// The next match [begin, end) in `text`; false when there is none.
  bool Find(std::string_view text, Cursor& cursor, size_t& begin, size_t& end) const;

 private:
  struct Code;
  std::unique_ptr<Code> code_;
  std::string where_;
};

}  // namespace meap
