#include "jinja/template.h"

#include "core/error.h"
#include "jinja/interpreter.h"
#include "jinja/lexer.h"
#include "jinja/syntax.h"

namespace meap::jinja {
namespace {

[[noreturn]] void FailAt(const std::string& what, const std::string& name, int line,
                         const std::string& got) {
  throw InputError({.what = what, .where = name + ", line " + std::to_string(line), .got = got});
}

}  // namespace

struct Template::Program {
  std::string name;
  Block block;
};

Template::Template(std::string_view source, const std::string& name) {
  try {
    program_ = std::make_unique<const Program>(Program{name, Parse(source)});
  } catch (const LineError& error) {
    FailAt("the template cannot be read", name, error.line(), error.what());
  }
}
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;
Template::~Template() = default;

Text Template::Render(const Dict& variables) const {
  Interpreter interpreter(variables);
  try {
    return interpreter.Run(program_->block);
  } catch (const Refusal& refusal) {
    FailAt("the template refuses this input", program_->name, interpreter.line(), refusal.what());
  } catch (const TemplateError& error) {
    FailAt("the template failed", program_->name, interpreter.line(), error.what());
  }
}

}  // namespace meap::jinja
