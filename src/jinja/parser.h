// The parsers of syntax.h: expressions, and on top of them statements.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "jinja/lexer.h"
#include "jinja/syntax.h"

namespace meap::jinja {

/// Reads expressions from a row of tokens, with jinja2's precedences.
class ExpressionParser {
 public:
  explicit ExpressionParser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

 protected:
  /// Comma-separated expressions: one alone is itself, several are a tuple. `conditional` false: an
  /// `if` ends it.
  ExpressionPtr ParseTuple(bool conditional);
  ExpressionPtr ParseExpression(bool conditional = true);
  ExpressionPtr ParsePrimary();
  /// A filter's name and arguments, around `input` (may be null).
  ExpressionPtr ParseFilter(ExpressionPtr input);
  /// Everything from the first '|' of a filter block or set block on: null where there is none.
  ExpressionPtr ParseFilters();

  const Token& current() const { return tokens_[at_]; }
  bool Is(std::string_view op) const {
    return current().kind == Token::Kind::kOperator && current().text == op;
  }
  bool IsName(std::string_view name) const {
    return current().kind == Token::Kind::kName && current().text == name;
  }
  bool Skip(std::string_view op);
  bool SkipName(std::string_view name);
  void Expect(std::string_view op);
  void ExpectName(std::string_view name);
  std::string TakeName();
  Token Take();
  static ExpressionPtr Make(Expression::Kind kind, int line, std::string name = {});
  /// A chain of operators makes a tree as deep as it is long, so it must not be too long.
  void CheckChain(int links) const;
  [[noreturn]] void FailHere(const std::string& message) const;
  [[noreturn]] void FailUnexpected(const std::string& expected) const;

  /// Counts how deep the recursion is while it lives; too deep is an error.
  class Nesting {
   public:
    explicit Nesting(ExpressionParser& parser) : parser_(parser) {
      if (++parser_.depth_ > kDeepest) parser_.FailHere("the template is nested too deeply");
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --parser_.depth_; }

   private:
    static constexpr int kDeepest = 150;
    ExpressionParser& parser_;
  };

 private:
  ExpressionPtr ParseOr();
  ExpressionPtr ParseAnd();
  ExpressionPtr ParseNot();
  ExpressionPtr ParseCompare();
  ExpressionPtr ParseSum();
  ExpressionPtr ParseConcat();
  ExpressionPtr ParseProduct();
  ExpressionPtr ParsePower();
  ExpressionPtr ParseUnary(bool with_filters);
  ExpressionPtr ParsePostfix(ExpressionPtr node);
  ExpressionPtr ParseFilterChain(ExpressionPtr node);
  ExpressionPtr ParseAttribute(ExpressionPtr node);
  ExpressionPtr ParseSubscript(ExpressionPtr node);
  ExpressionPtr ParseCall(ExpressionPtr node);
  ExpressionPtr ParseTest(ExpressionPtr node);
  ExpressionPtr ParseName();
  ExpressionPtr ParseString();
  ExpressionPtr ParseList();
  ExpressionPtr ParseDict();
  void ParseArguments(Expression& call);
  /// Left-associative operators of one precedence.
  ExpressionPtr ParseBinary(std::initializer_list<std::string_view> operators,
                            ExpressionPtr (ExpressionParser::*operand)());

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace meap::jinja
