// A parsed template.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "jinja/value.h"

namespace meap::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

/// One node; what `name`, `operands` and `keywords` hold stands with each kind.
struct Expression {
  enum class Kind {
    kConstant,     // value
    kName,         // name
    kList,         // operands
    kTuple,        // operands
    kDict,         // operands: key, value, key, value ...
    kUnary,        // name "+", "-", "not"; one operand
    kBinary,       // name "+", "-", "*", "/", "//", "%", "**", "~", "and", "or"; two operands
    kCompare,      // operands a b c; names "<", "==", "in", "not in" ... between them
    kConditional,  // operands: condition, value, other value (may be null)
    kAttribute,    // name; one operand
    kItem,         // operands: container, index
    kSlice,        // operands: container, start, stop, step (each of the three may be null)
    kCall,         // operands: function, then the positional arguments; keywords
    kFilter,       // name; operands: the input (null in {% filter %}), then arguments; keywords
    kTest,         // name; operands: the value, then arguments; keywords
  };
  Kind kind;
  int line = 0;
  std::string name = {};
  Value value = {};
  std::vector<ExpressionPtr> operands = {};
  std::vector<std::pair<std::string, ExpressionPtr>> keywords = {};
  std::vector<std::string> names = {};
};

struct Statement;
using Block = std::vector<Statement>;

/// A macro's (or call block's) parameter; no default is null.
struct Parameter {
  std::string name;
  ExpressionPtr otherwise;
};

struct Statement {
  enum class Kind {
    kText,         // name: the text
    kOutput,       // expression
    kIf,           // expression, body, orelse
    kFor,          // target in expression, condition (may be null), body, orelse
    kSet,          // target = expression
    kSetBlock,     // target = body, through the filters of `expression` (may be null)
    kMacro,        // name, parameters, body
    kCallBlock,    // expression is the call; parameters and body are the caller
    kFilterBlock,  // body through the filters of `expression`
    kGeneration,   // body
    kWith,         // scope of `assignments` and body
    kBreak,
    kContinue,
  };
  Kind kind;
  int line = 0;
  std::string name = {};
  ExpressionPtr target = {};  // kName, kTuple of names, or kAttribute of a name
  ExpressionPtr expression = {};
  ExpressionPtr condition = {};
  std::vector<Parameter> parameters = {};
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> assignments = {};
  Block body = {};
  Block orelse = {};
};

/// Reads a template. What is wrong, or not in the subset, is a LineError.
Block Parse(std::string_view source);

}  // namespace meap::jinja
