#include "text/regex.h"

#include <algorithm>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "core/error.h"
#include "text/utf8.h"

namespace meap {

struct Regex::Code {
  pcre2_code* code = nullptr;
  ~Code() { pcre2_code_free(code); }
};

namespace {

/// A thread's own match data and JIT stack, which no two threads may share.
struct Workspace {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  pcre2_match_context* context = pcre2_match_context_create(nullptr);
  pcre2_jit_stack* stack = pcre2_jit_stack_create(32 << 10, 8 << 20, nullptr);
  Workspace() {
    pcre2_jit_stack_assign(context, nullptr, stack);
    pcre2_set_match_limit(context, 100'000'000);
  }
  Workspace(const Workspace&) = delete;
  Workspace& operator=(const Workspace&) = delete;
  ~Workspace() {
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
};

std::string Message(int code) {
  PCRE2_UCHAR text[256];
  pcre2_get_error_message(code, text, sizeof text);
  return reinterpret_cast<const char*>(text);
}

/// Whether PCRE2's compiler (seen in 10.42) may lose or shift matches of a translated pattern:
/// empty alternatives and atomic groups. Literals are escaped there, so that each "|" parts
/// alternatives, and what stands before the first of a group ends its opening bracket.
bool NeedsInterpreter(std::string_view pattern) {
  if (pattern.find("(?>") != std::string_view::npos) return true;
  for (size_t at = 0; at < pattern.size(); ++at) {
    if (pattern[at] != '|') continue;
    const char before = at == 0 ? '|' : pattern[at - 1];
    const char after = at + 1 == pattern.size() ? '|' : pattern[at + 1];
    if (std::string_view("|:=!").find(before) != std::string_view::npos) return true;
    if (after == '|' || after == ')') return true;
  }
  return false;
}

}  // namespace

Regex::Regex(std::string_view pattern, const std::string& where)
    : code_(std::make_unique<Code>()), where_(where) {
  const std::string translated = TranslateRegex(pattern, where);
  int error = 0;
  PCRE2_SIZE offset = 0;
  code_->code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                              PCRE2_UTF | PCRE2_NO_UTF_CHECK, &error, &offset, nullptr);
  if (code_->code == nullptr) {
    throw InputError({.what = "a regular expression of a tokenizer file does not compile",
                      .where = where,
                      .expected = Message(error),
                      .got = std::string(pattern)});
  }
  if (!NeedsInterpreter(translated)) pcre2_jit_compile(code_->code, PCRE2_JIT_COMPLETE);
}

Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

bool Regex::Find(std::string_view text, Cursor& cursor, size_t& begin, size_t& end) const {
  thread_local Workspace workspace;
  while (cursor.next <= text.size()) {
    const int count =
        pcre2_match(code_->code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(),
                    cursor.next, PCRE2_NO_UTF_CHECK, workspace.data, workspace.context);
    if (count == PCRE2_ERROR_NOMATCH) return false;
    if (count < 0) {
      throw InputError({.what = "a tokenizer's regular expression gave up on a text",
                        .where = where_,
                        .got = Message(count),
                        .hint = "the text may hold a very long run that the pattern tries in many "
                                "ways; cut it"});
    }
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(workspace.data);
    if (span[0] == span[1] && span[1] == cursor.last_end) {
      if (span[1] >= text.size()) return false;
      cursor.next = span[1] + Utf8Length(text[span[1]]);
      continue;
    }
    begin = span[0];
    end = span[1];
    cursor.next = cursor.last_end = end;
    return true;
  }
  return false;
}

}  // namespace meap
