// Jinja templates, as far as chat templates need them: what transformers renders, this renders to
// the same bytes; what this subset lacks is an error that names it, never a different text.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"
#include "jinja/value.h"

namespace meap::jinja {

/// What raise_exception() throws inside of a template.
class Refusal : public TemplateError {
 public:
  using TemplateError::TemplateError;
};

/// The InputError of a template that uses, as it runs, what the subset lacks: no fault of what it
/// is given.
class UnsupportedTemplate : public InputError {
 public:
  using InputError::InputError;
};

/// A parsed template. Const calls are thread-safe.
class Template {
 public:
  /// Parses `source`; `name` stands in errors, with the line. Settings are those of transformers:
  /// trim_blocks, lstrip_blocks, loop controls, {% generation %}, no escaping. What is wrong or not
  /// in the subset is an InputError.
  Template(std::string_view source, const std::string& name);
  Template(Template&&) noexcept;
  Template& operator=(Template&&) noexcept;
  ~Template();

  /// The text, and which parts of it came from marked variables or stand in {% generation %}. An
  /// error of the template, a call of raise_exception() among them, is an InputError, and an
  /// UnsupportedTemplate where the subset lacks something. Time, memory and depth are bounded.
  Text Render(const Dict& variables) const;

 private:
  struct Program;
  std::unique_ptr<const Program> program_;
};

}  // namespace meap::jinja
