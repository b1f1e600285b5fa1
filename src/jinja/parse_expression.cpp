#include <charconv>

#include "jinja/parser.h"

namespace meap::jinja {
namespace {

using Kind = Expression::Kind;

bool OneOf(std::string_view text, std::initializer_list<std::string_view> list) {
  for (const std::string_view item : list) {
    if (item == text) return true;
  }
  return false;
}

Value Number(const Token& token) {
  const char* begin = token.text.data();
  const char* end = begin + token.text.size();
  if (token.kind == Token::Kind::kFloat) {
    double number = 0;
    std::from_chars(begin, end, number);
    return number;
  }
  int64_t number = 0;
  if (std::from_chars(begin, end, number).ec != std::errc()) {
    throw LineError(token.line, "the integer " + token.text + " is too large");
  }
  return number;
}

}  // namespace

ExpressionPtr ExpressionParser::Make(Kind kind, int line, std::string name) {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = line;
  node->name = std::move(name);
  return node;
}

ExpressionPtr ExpressionParser::ParseTuple(bool conditional) {
  const int line = current().line;
  ExpressionPtr first = ParseExpression(conditional);
  if (!Is(",")) return first;
  ExpressionPtr tuple = Make(Kind::kTuple, line);
  tuple->operands.push_back(std::move(first));
  while (Skip(",")) {
    const Token::Kind next = current().kind;
    if (next == Token::Kind::kStatementEnd || next == Token::Kind::kOutputEnd || Is(")") ||
        Is("=") || IsName("in")) {
      break;
    }
    tuple->operands.push_back(ParseExpression(conditional));
  }
  return tuple;
}

ExpressionPtr ExpressionParser::ParseExpression(bool conditional) {
  const Nesting nesting(*this);
  ExpressionPtr value = ParseOr();
  for (int links = 0; conditional && IsName("if"); ++links) {
    CheckChain(links);
    ExpressionPtr node = Make(Kind::kConditional, Take().line);
    node->operands.push_back(ParseOr());
    node->operands.push_back(std::move(value));
    node->operands.push_back(SkipName("else") ? ParseExpression() : nullptr);
    value = std::move(node);
  }
  return value;
}

ExpressionPtr ExpressionParser::ParseOr() {
  ExpressionPtr left = ParseAnd();
  for (int links = 0; IsName("or"); ++links) {
    CheckChain(links);
    ExpressionPtr node = Make(Kind::kBinary, Take().line, "or");
    node->operands.push_back(std::move(left));
    node->operands.push_back(ParseAnd());
    left = std::move(node);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseAnd() {
  ExpressionPtr left = ParseNot();
  for (int links = 0; IsName("and"); ++links) {
    CheckChain(links);
    ExpressionPtr node = Make(Kind::kBinary, Take().line, "and");
    node->operands.push_back(std::move(left));
    node->operands.push_back(ParseNot());
    left = std::move(node);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseNot() {
  if (!IsName("not")) return ParseCompare();
  const Nesting nesting(*this);
  ExpressionPtr node = Make(Kind::kUnary, Take().line, "not");
  node->operands.push_back(ParseNot());
  return node;
}

ExpressionPtr ExpressionParser::ParseCompare() {
  ExpressionPtr first = ParseSum();
  ExpressionPtr node;
  while (true) {
    std::string op;
    if (current().kind == Token::Kind::kOperator &&
        OneOf(current().text, {"==", "!=", "<", "<=", ">", ">="})) {
      op = Take().text;
    } else if (SkipName("in")) {
      op = "in";
    } else if (IsName("not") && tokens_[at_ + 1].kind == Token::Kind::kName &&
               tokens_[at_ + 1].text == "in") {
      at_ += 2;
      op = "not in";
    } else {
      break;
    }
    if (!node) {
      node = Make(Kind::kCompare, current().line);
      node->operands.push_back(std::move(first));
    }
    node->names.push_back(std::move(op));
    node->operands.push_back(ParseSum());
  }
  return node ? std::move(node) : std::move(first);
}

ExpressionPtr ExpressionParser::ParseBinary(std::initializer_list<std::string_view> operators,
                                            ExpressionPtr (ExpressionParser::*operand)()) {
  ExpressionPtr left = (this->*operand)();
  for (int links = 0; current().kind == Token::Kind::kOperator && OneOf(current().text, operators);
       ++links) {
    CheckChain(links);
    const Token op = Take();
    ExpressionPtr node = Make(Kind::kBinary, op.line, op.text);
    node->operands.push_back(std::move(left));
    node->operands.push_back((this->*operand)());
    left = std::move(node);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseSum() {
  return ParseBinary({"+", "-"}, &ExpressionParser::ParseConcat);
}
ExpressionPtr ExpressionParser::ParseConcat() {
  return ParseBinary({"~"}, &ExpressionParser::ParseProduct);
}
ExpressionPtr ExpressionParser::ParseProduct() {
  return ParseBinary({"*", "/", "//", "%"}, &ExpressionParser::ParsePower);
}

ExpressionPtr ExpressionParser::ParsePower() {
  ExpressionPtr left = ParseUnary(true);
  for (int links = 0; Is("**"); ++links) {
    CheckChain(links);
    ExpressionPtr node = Make(Kind::kBinary, Take().line, "**");
    node->operands.push_back(std::move(left));
    node->operands.push_back(ParseUnary(true));
    left = std::move(node);
  }
  return left;
}

ExpressionPtr ExpressionParser::ParseUnary(bool with_filters) {
  const Nesting nesting(*this);
  ExpressionPtr node;
  if (Is("-") || Is("+")) {
    const Token op = Take();
    node = Make(Kind::kUnary, op.line, op.text);
    node->operands.push_back(ParseUnary(false));
  } else {
    node = ParsePrimary();
  }
  node = ParsePostfix(std::move(node));
  return with_filters ? ParseFilterChain(std::move(node)) : std::move(node);
}

ExpressionPtr ExpressionParser::ParsePrimary() {
  switch (current().kind) {
    case Token::Kind::kName:
      return ParseName();
    case Token::Kind::kString:
      return ParseString();
    case Token::Kind::kInt:
    case Token::Kind::kFloat: {
      ExpressionPtr node = Make(Kind::kConstant, current().line);
      node->value = Number(Take());
      return node;
    }
    default:
      break;
  }
  if (Is("[")) return ParseList();
  if (Is("{")) return ParseDict();
  if (!Is("(")) FailUnexpected("an expression");
  const int line = Take().line;
  if (Skip(")")) return Make(Kind::kTuple, line);
  ExpressionPtr inside = ParseTuple(true);
  Expect(")");
  return inside;
}

ExpressionPtr ExpressionParser::ParseName() {
  const Token token = Take();
  ExpressionPtr node = Make(Kind::kConstant, token.line);
  if (OneOf(token.text, {"true", "True"})) {
    node->value = true;
  } else if (OneOf(token.text, {"false", "False"})) {
    node->value = false;
  } else if (OneOf(token.text, {"none", "None"})) {
    node->value = None{};
  } else {
    node->kind = Kind::kName;
    node->name = token.text;
  }
  return node;
}

ExpressionPtr ExpressionParser::ParseString() {
  ExpressionPtr node = Make(Kind::kConstant, current().line);
  std::string text;
  while (current().kind == Token::Kind::kString) text += Take().text;
  node->value = std::move(text);
  return node;
}

ExpressionPtr ExpressionParser::ParseList() {
  ExpressionPtr list = Make(Kind::kList, Take().line);
  while (!Is("]")) {
    list->operands.push_back(ParseExpression());
    if (!Skip(",")) break;
  }
  Expect("]");
  return list;
}

ExpressionPtr ExpressionParser::ParseDict() {
  ExpressionPtr dict = Make(Kind::kDict, Take().line);
  while (!Is("}")) {
    dict->operands.push_back(ParseExpression());
    Expect(":");
    dict->operands.push_back(ParseExpression());
    if (!Skip(",")) break;
  }
  Expect("}");
  return dict;
}

void ExpressionParser::CheckChain(int links) const {
  constexpr int kLongest = 300;
  if (links > kLongest) FailHere("a chain of operators, attributes or filters that is too long");
}

bool ExpressionParser::Skip(std::string_view op) {
  if (!Is(op)) return false;
  ++at_;
  return true;
}
bool ExpressionParser::SkipName(std::string_view name) {
  if (!IsName(name)) return false;
  ++at_;
  return true;
}
void ExpressionParser::Expect(std::string_view op) {
  if (!Skip(op)) FailUnexpected("'" + std::string(op) + "'");
}
void ExpressionParser::ExpectName(std::string_view name) {
  if (!SkipName(name)) FailUnexpected("'" + std::string(name) + "'");
}
std::string ExpressionParser::TakeName() {
  if (current().kind != Token::Kind::kName) FailUnexpected("a name");
  return Take().text;
}
Token ExpressionParser::Take() {
  Token token = tokens_[at_];
  if (token.kind != Token::Kind::kEnd) ++at_;
  return token;
}

void ExpressionParser::FailHere(const std::string& message) const {
  throw LineError(current().line, message);
}
void ExpressionParser::FailUnexpected(const std::string& expected) const {
  constexpr const char* kNames[] = {"text", "'{{'", "'}}'", "'{%'", "'%}'"};
  const auto kind = static_cast<size_t>(current().kind);
  const std::string got = current().kind == Token::Kind::kEnd ? "the end of the template"
                          : kind < std::size(kNames)          ? kNames[kind]
                                                              : "'" + current().text + "'";
  FailHere("expected " + expected + ", got " + got);
}

}  // namespace meap::jinja
