// What follows an expression: attributes, indices, calls, filters, tests.
#include "jinja/parser.h"

namespace meap::jinja {

using Kind = Expression::Kind;

ExpressionPtr ExpressionParser::ParsePostfix(ExpressionPtr node) {
  // A chain is as deep a tree as nested brackets would be.
  for (int links = 0;; ++links) {
    CheckChain(links);
    if (Is(".")) {
      node = ParseAttribute(std::move(node));
    } else if (Is("[")) {
      node = ParseSubscript(std::move(node));
    } else if (Is("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::ParseFilterChain(ExpressionPtr node) {
  for (int links = 0;; ++links) {
    CheckChain(links);
    if (Skip("|")) {
      node = ParseFilter(std::move(node));
    } else if (SkipName("is")) {
      node = ParseTest(std::move(node));
    } else if (Is("(")) {
      node = ParseCall(std::move(node));
    } else {
      return node;
    }
  }
}

ExpressionPtr ExpressionParser::ParseAttribute(ExpressionPtr node) {
  const int line = Take().line;
  ExpressionPtr result;
  if (current().kind == Token::Kind::kInt) {  // a.0 is a[0]
    result = Make(Kind::kItem, line);
    result->operands.push_back(std::move(node));
    result->operands.push_back(ParsePrimary());
    return result;
  }
  result = Make(Kind::kAttribute, line, TakeName());
  result->operands.push_back(std::move(node));
  return result;
}

ExpressionPtr ExpressionParser::ParseSubscript(ExpressionPtr node) {
  const Nesting nesting(*this);
  const int line = Take().line;
  ExpressionPtr index;
  if (!Is(":")) index = ParseExpression();
  if (!Is(":")) {
    if (Is(",")) FailHere("meap's subset of Jinja has no tuples as indices");
    Expect("]");
    ExpressionPtr item = Make(Kind::kItem, line);
    item->operands.push_back(std::move(node));
    item->operands.push_back(std::move(index));
    return item;
  }
  ExpressionPtr slice = Make(Kind::kSlice, line);
  slice->operands.push_back(std::move(node));
  slice->operands.push_back(std::move(index));
  for (int part = 0; part < 2; ++part) {
    const bool given = Skip(":") && !Is(":") && !Is("]");
    slice->operands.push_back(given ? ParseExpression() : nullptr);
  }
  Expect("]");
  return slice;
}

void ExpressionParser::ParseArguments(Expression& call) {
  const Nesting nesting(*this);
  Expect("(");
  while (!Is(")")) {
    if (Is("*") || Is("**")) FailHere("meap's subset of Jinja has no '*' in calls");
    const bool keyword = current().kind == Token::Kind::kName &&
                         tokens_[at_ + 1].kind == Token::Kind::kOperator &&
                         tokens_[at_ + 1].text == "=";
    if (keyword) {
      std::string name = TakeName();
      Expect("=");
      call.keywords.emplace_back(std::move(name), ParseExpression());
    } else if (!call.keywords.empty()) {
      FailHere("a positional argument after a keyword argument");
    } else {
      call.operands.push_back(ParseExpression());
    }
    if (!Skip(",")) break;
  }
  Expect(")");
}

ExpressionPtr ExpressionParser::ParseCall(ExpressionPtr node) {
  ExpressionPtr call = Make(Kind::kCall, current().line);
  call->operands.push_back(std::move(node));
  ParseArguments(*call);
  return call;
}

ExpressionPtr ExpressionParser::ParseFilter(ExpressionPtr input) {
  ExpressionPtr filter = Make(Kind::kFilter, current().line);
  filter->name = TakeName();
  filter->operands.push_back(std::move(input));
  if (Is("(")) ParseArguments(*filter);
  return filter;
}

ExpressionPtr ExpressionParser::ParseFilters() {
  ExpressionPtr node;
  while (Skip("|")) node = ParseFilter(std::move(node));
  return node;
}

ExpressionPtr ExpressionParser::ParseTest(ExpressionPtr node) {
  const int line = current().line;
  const bool negated = SkipName("not");
  ExpressionPtr test = Make(Kind::kTest, line, TakeName());
  test->operands.push_back(std::move(node));
  const Token::Kind next = current().kind;
  const bool begins_value = next == Token::Kind::kString || next == Token::Kind::kInt ||
                            next == Token::Kind::kFloat || Is("[") || Is("{");
  const bool names_value =
      next == Token::Kind::kName && !IsName("else") && !IsName("or") && !IsName("and");
  if (IsName("is")) FailHere("one 'is' cannot follow another");
  if (Is("(")) {
    ParseArguments(*test);
  } else if (begins_value || names_value) {
    test->operands.push_back(ParsePostfix(ParsePrimary()));
  }
  if (!negated) return test;
  ExpressionPtr result = Make(Kind::kUnary, line, "not");
  result->operands.push_back(std::move(test));
  return result;
}

}  // namespace meap::jinja
