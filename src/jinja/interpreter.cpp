// Statements; evaluate.cpp has the expressions.
#include "jinja/interpreter.h"

#include "jinja/library.h"

namespace meap::jinja {
namespace {

constexpr uint64_t kMostSteps = 5'000'000;
constexpr uint64_t kMostBytes = uint64_t{1} << 28;

/// What `loop` is inside of a for: it changes with each round.
class Loop : public Object {
 public:
  explicit Loop(const std::vector<Value>& items) : items_(items) {}
  void Advance() { ++index_; }

  std::optional<Value> Attribute(std::string_view name) const override {
    const size_t count = items_.size();
    if (name == "index") return index_ + 1;
    if (name == "index0") return index_;
    if (name == "revindex") return count - index_;
    if (name == "revindex0") return count - index_ - 1;
    if (name == "first") return index_ == 0;
    if (name == "last") return index_ + 1 == count;
    if (name == "length") return count;
    if (name == "previtem") {
      return index_ > 0 ? items_[index_ - 1] : Value::UndefinedName("there is no previous item");
    }
    if (name == "nextitem") {
      return index_ + 1 < count ? items_[index_ + 1]
                                : Value::UndefinedName("there is no next item");
    }
    if (name == "cycle") {
      return Value(std::make_shared<Function>([index = index_](const Arguments& arguments) {
        if (arguments.positional.empty()) Fail("loop.cycle() without arguments");
        return arguments.positional[index % arguments.positional.size()];
      }));
    }
    if (name == "changed" || name == "depth" || name == "depth0") {
      FailUnsupported("loop." + std::string(name));
    }
    return std::nullopt;
  }
  bool SetAttribute(std::string_view, const Value&) override { return false; }
  Value Call(const Arguments&) override { FailUnsupported("recursive loops"); }
  bool callable() const override { return false; }

 private:
  const std::vector<Value> items_;
  size_t index_ = 0;
};

}  // namespace

/// A macro, or the body of a {% call %}.
class Macro : public Object {
 public:
  Macro(Interpreter& run, const Statement& statement, Scope* scope)
      : run_(run), statement_(statement), scope_(scope) {}

  std::optional<Value> Attribute(std::string_view name) const override {
    if (name == "name") return Value(statement_.name);
    return std::nullopt;
  }
  bool SetAttribute(std::string_view, const Value&) override { return false; }
  bool callable() const override { return true; }

  Value Call(const Arguments& arguments) override {
    const std::vector<Parameter>& parameters = statement_.parameters;
    const std::string& name = statement_.name.empty() ? kCaller : statement_.name;
    if (arguments.positional.size() > parameters.size()) {
      Fail("macro '" + name + "' takes at most " + std::to_string(parameters.size()) +
           " arguments, got " + std::to_string(arguments.positional.size()));
    }
    CheckKeywords(arguments, name);
    const Interpreter::Inside inside(run_, run_.NewScope(scope_));
    for (size_t i = 0; i < parameters.size(); ++i) {
      std::optional<Value> value = arguments.Get(i, parameters[i].name);
      if (!value && parameters[i].otherwise) value = run_.Evaluate(*parameters[i].otherwise);
      run_.scope_->variables[parameters[i].name] =
          value ? *value : Value::UndefinedName(parameters[i].name);
    }
    for (const auto& [key, value] : arguments.keyword) {
      if (key == kCaller) run_.scope_->variables[kCaller] = value;
    }
    return run_.Capture(statement_.body);
  }

 private:
  inline static const std::string kCaller = "caller";

  void CheckKeywords(const Arguments& arguments, const std::string& name) const {
    for (const auto& [key, unused] : arguments.keyword) {
      size_t known = key == kCaller ? 1 : 0;
      for (const Parameter& parameter : statement_.parameters) known += parameter.name == key;
      if (known == 0) Fail("macro '" + name + "' has no argument '" + key + "'");
    }
  }

  Interpreter& run_;
  const Statement& statement_;
  Scope* scope_;
};

const Value* Scope::Find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent) {
    const auto found = scope->variables.find(name);
    if (found != scope->variables.end()) return &found->second;
  }
  return nullptr;
}

Interpreter::Interpreter(const Dict& variables) : scope_(NewScope(nullptr)) {
  for (const auto& [name, value] : variables.items) scope_->variables[name.String()] = value;
}

Scope* Interpreter::NewScope(Scope* parent) {
  scopes_.push_back({.variables = {}, .parent = parent});
  return &scopes_.back();
}

Text Interpreter::Run(const Block& block) {
  const Inside inside(*this, NewScope(scope_));
  return Capture(block);
}

void Interpreter::Step(int line) {
  line_ = line;
  if (++steps_ > kMostSteps) Fail("the template does not come to an end");
}

void Interpreter::CountBytes(size_t bytes) {
  bytes_ += bytes;
  if (bytes_ > kMostBytes) Fail("the template writes more than 256 MiB");
}

Text Interpreter::Capture(const Block& block) {
  Text text;
  Text* const before = std::exchange(output_, &text);
  RunBlock(block);
  output_ = before;
  return text;
}

Interpreter::Flow Interpreter::RunBlock(const Block& block) {
  if (++depth_ > kDeepest) Fail("the template calls itself too deeply");
  Flow flow = Flow::kNext;
  for (const Statement& statement : block) {
    flow = RunStatement(statement);
    if (flow != Flow::kNext) break;
  }
  --depth_;
  return flow;
}

Interpreter::Flow Interpreter::RunStatement(const Statement& statement) {
  Step(statement.line);
  switch (statement.kind) {
    case Statement::Kind::kText:
      CountBytes(statement.name.size());
      output_->bytes += statement.name;
      return Flow::kNext;
    case Statement::Kind::kOutput: {
      const Text text = ToText(Evaluate(*statement.expression));
      CountBytes(text.bytes.size());
      output_->Append(text);
      return Flow::kNext;
    }
    case Statement::Kind::kIf:
      return RunBlock(Evaluate(*statement.expression).Truth() ? statement.body : statement.orelse);
    case Statement::Kind::kFor:
      return RunFor(statement);
    case Statement::Kind::kSet:
      Assign(*statement.target, Evaluate(*statement.expression));
      return Flow::kNext;
    case Statement::Kind::kSetBlock:
      RunSetBlock(statement);
      return Flow::kNext;
    case Statement::Kind::kMacro:
      scope_->variables[statement.name] = Value(std::make_shared<Macro>(*this, statement, scope_));
      return Flow::kNext;
    case Statement::Kind::kCallBlock:
      RunCallBlock(statement);
      return Flow::kNext;
    case Statement::Kind::kFilterBlock: {
      const Value body = Capture(statement.body);
      output_->Append(ToText(EvaluateFilter(*statement.expression, &body)));
      return Flow::kNext;
    }
    case Statement::Kind::kGeneration:
      RunGeneration(statement);
      return Flow::kNext;
    case Statement::Kind::kWith:
      return RunWith(statement);
    case Statement::Kind::kBreak:
      return Flow::kBreak;
    case Statement::Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kNext;
}

Interpreter::Flow Interpreter::RunFor(const Statement& statement) {
  std::vector<Value> items = Iterate(Evaluate(*statement.expression));
  if (statement.condition) {
    const Inside inside(*this, NewScope(scope_));
    std::erase_if(items, [&](const Value& item) {
      Assign(*statement.target, item);
      return !Evaluate(*statement.condition).Truth();
    });
  }
  return items.empty() ? RunBlock(statement.orelse) : RunLoop(statement, items);
}

Interpreter::Flow Interpreter::RunLoop(const Statement& statement,
                                       const std::vector<Value>& items) {
  const Inside inside(*this, NewScope(scope_));
  const auto loop = std::make_shared<Loop>(items);
  for (const Value& item : items) {
    Step(statement.line);
    scope_->variables.clear();
    scope_->variables["loop"] = Value(loop);
    Assign(*statement.target, item);
    if (RunBlock(statement.body) == Flow::kBreak) break;
    loop->Advance();
  }
  return Flow::kNext;
}

void Interpreter::RunSetBlock(const Statement& statement) {
  Value value;
  {
    const Inside inside(*this, NewScope(scope_));
    value = Capture(statement.body);
    if (statement.expression) value = EvaluateFilter(*statement.expression, &value);
  }
  Assign(*statement.target, value);
}

void Interpreter::RunCallBlock(const Statement& statement) {
  const Value caller(std::make_shared<Macro>(*this, statement, scope_));
  const Text text = ToText(EvaluateCall(*statement.expression, caller));
  CountBytes(text.bytes.size());
  output_->Append(text);
}

Interpreter::Flow Interpreter::RunWith(const Statement& statement) {
  Scope* const scope = NewScope(scope_);
  std::vector<Value> values;
  for (const auto& [target, value] : statement.assignments) values.push_back(Evaluate(*value));
  const Inside inside(*this, scope);
  for (size_t i = 0; i < values.size(); ++i) {
    Assign(*statement.assignments[i].first, values[i]);
  }
  return RunBlock(statement.body);
}

void Interpreter::RunGeneration(const Statement& statement) {
  const size_t begin = output_->bytes.size();
  RunBlock(statement.body);
  output_->marks.push_back({begin, output_->bytes.size(), kGenerationSource});
}

void Interpreter::Assign(const Expression& target, const Value& value) {
  if (target.kind == Expression::Kind::kName) {
    scope_->variables[target.name] = value;
    return;
  }
  if (target.kind == Expression::Kind::kAttribute) {
    const Value owner = Lookup(target.operands[0]->name);
    if (!owner.IsObject() || !owner.object().SetAttribute(target.name, value)) {
      Fail("only a namespace's attributes can be set, '" + target.operands[0]->name + "' is none");
    }
    return;
  }
  const std::vector<Value> parts = Iterate(value);
  if (parts.size() != target.operands.size()) {
    Fail("expected " + std::to_string(target.operands.size()) + " values to unpack, got " +
         std::to_string(parts.size()));
  }
  for (size_t i = 0; i < parts.size(); ++i) Assign(*target.operands[i], parts[i]);
}

}  // namespace meap::jinja
