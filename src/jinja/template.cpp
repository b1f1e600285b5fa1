#include "jinja/template.h"

#include "core/error.h"
#include "jinja/interpreter.h"
#include "jinja/lexer.h"
#include "jinja/syntax.h"

namespace meap::jinja {
namespace {

ErrorParts At(const std::string& what, const std::string& name, int line, const std::string& got) {
  return {.what = what, .where = name + ", line " + std::to_string(line), .got = got};
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
    throw InputError(At("the template cannot be read", name, error.line(), error.what()));
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
    throw InputError(
        At("the template refuses this input", program_->name, interpreter.line(), refusal.what()));
  } catch (const UnsupportedError& lack) {
    throw UnsupportedTemplate(
        At("the template cannot be run", program_->name, interpreter.line(), lack.what()));
  } catch (const TemplateError& error) {
    throw InputError(At("the template failed", program_->name, interpreter.line(), error.what()));
  }
}

}  // namespace meap::jinja
