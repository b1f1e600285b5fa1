// Runs a parsed template.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "jinja/syntax.h"
#include "jinja/value.h"

namespace meap::jinja {

/// Variables of one stretch of a template; names not found go on to the parent.
struct Scope {
  std::map<std::string, Value, std::less<>> variables = {};
  Scope* parent = nullptr;

  const Value* Find(std::string_view name) const;
};

/// One run. Steps, depth and bytes are bounded, so that no template runs for ever.
class Interpreter {
 public:
  explicit Interpreter(const Dict& variables);

  /// The text that the template writes.
  Text Run(const Block& block);

  /// What filters, tests and methods call back for.
  Value ApplyFilter(const std::string& name, const Value& input, const Arguments& arguments);
  bool ApplyTest(const std::string& name, const Value& value, const Arguments& arguments);
  /// Counts bytes that a string operation makes; too many are an error.
  void CountBytes(size_t bytes);

  /// The line being run, from 1.
  int line() const { return line_; }

 private:
  friend class Macro;
  enum class Flow { kNext, kBreak, kContinue };
  static constexpr int kDeepest = 1000;  // blocks and expressions within each other

  Flow RunBlock(const Block& block);
  Flow RunStatement(const Statement& statement);
  Flow RunFor(const Statement& statement);
  Flow RunLoop(const Statement& statement, const std::vector<Value>& items);
  void RunSetBlock(const Statement& statement);
  void RunCallBlock(const Statement& statement);
  Flow RunWith(const Statement& statement);
  void RunGeneration(const Statement& statement);
  Text Capture(const Block& block);
  void Assign(const Expression& target, const Value& value);

  Value Evaluate(const Expression& node);
  Value EvaluateOr(const ExpressionPtr& node, Value otherwise);
  Value EvaluateUnary(const Expression& node);
  Value EvaluateBinary(const Expression& node);
  Value EvaluateCompare(const Expression& node);
  Value EvaluateSlice(const Expression& node);
  Value EvaluateCall(const Expression& node, const std::optional<Value>& caller);
  Value EvaluateFilter(const Expression& node, const Value* input);
  Value Lookup(const std::string& name) const;
  Arguments EvaluateArguments(const Expression& node);
  void Step(int line);

  /// Makes `scope` the current one while it lives.
  class Inside {
   public:
    Inside(Interpreter& run, Scope* scope) : run_(run), before_(run.scope_) { run.scope_ = scope; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { run_.scope_ = before_; }

   private:
    Interpreter& run_;
    Scope* before_;
  };
  Scope* NewScope(Scope* parent);

  std::deque<Scope> scopes_;  // all of them: macros outlive the block that they stand in
  Scope* scope_ = nullptr;
  Text* output_ = nullptr;
  int line_ = 1;
  int depth_ = 0;
  uint64_t steps_ = 0;
  uint64_t bytes_ = 0;
};

}  // namespace meap::jinja
