#include "jinja/parser.h"

namespace meap::jinja {
namespace {

using Kind = Statement::Kind;

class StatementParser : public ExpressionParser {
 public:
  explicit StatementParser(std::vector<Token> tokens) : ExpressionParser(std::move(tokens)) {}

  Block ParseTemplate() {
    Block block = ParseBlock({});
    if (current().kind != Token::Kind::kEnd) FailUnexpected("the end of the template");
    return block;
  }

 private:
  /// Statements up to one of the tags `ends`, whose name is then the current token; to the end of
  /// the template where there are none.
  Block ParseBlock(std::initializer_list<std::string_view> ends) {
    const Nesting nesting(*this);
    Block block;
    while (current().kind != Token::Kind::kEnd) {
      const Token token = Take();
      if (token.kind == Token::Kind::kText) {
        block.push_back(Make(Kind::kText, token.line));
        block.back().name = token.text;
      } else if (token.kind == Token::Kind::kOutputBegin) {
        block.push_back(Make(Kind::kOutput, token.line));
        block.back().expression = ParseTuple(true);
        End(Token::Kind::kOutputEnd, "'}}'");
      } else {
        for (const std::string_view end : ends) {
          if (IsName(end)) return block;
        }
        block.push_back(ParseStatement());
      }
    }
    if (ends.size() > 0) FailUnexpected("{% " + std::string(*(ends.end() - 1)) + " %}");
    return block;
  }

  /// A body, and the tag that ends it.
  Block ParseBody(std::string_view end) {
    EndTag();
    Block body = ParseBlock({end});
    ExpectName(end);
    EndTag();
    return body;
  }

  Statement ParseStatement() {
    const int line = current().line;
    const std::string tag = TakeName();
    if (tag == "if") return ParseIf(line);
    if (tag == "for") return ParseFor(line);
    if (tag == "set") return ParseSet(line);
    if (tag == "macro") return ParseMacro(line);
    if (tag == "call") return ParseCallBlock(line);
    if (tag == "with") return ParseWith(line);
    Statement statement = Make(Kind::kBreak, line);
    if (tag == "break" || tag == "continue") {
      if (loops_ == 0) FailHere("'" + tag + "' outside of a loop");
      if (tag == "continue") statement.kind = Kind::kContinue;
      EndTag();
    } else if (tag == "generation") {
      statement.kind = Kind::kGeneration;
      statement.body = ParseBody("endgeneration");
    } else if (tag == "filter") {
      statement.kind = Kind::kFilterBlock;
      statement.expression = ParseFilter(nullptr);
      while (Skip("|")) statement.expression = ParseFilter(std::move(statement.expression));
      statement.body = ParseBody("endfilter");
    } else {
      throw LineError(line, "meap's subset of Jinja has no {% " + tag + " %}");
    }
    return statement;
  }

  Statement ParseIf(int line) {
    Statement statement = Make(Kind::kIf, line);
    statement.expression = ParseTuple(false);
    EndTag();
    statement.body = ParseBlock({"elif", "else", "endif"});
    if (IsName("elif")) {
      const Nesting nesting(*this);
      const int at = Take().line;
      statement.orelse.push_back(ParseIf(at));
      return statement;
    }
    if (SkipName("else")) {
      EndTag();
      statement.orelse = ParseBlock({"endif"});
    }
    ExpectName("endif");
    EndTag();
    return statement;
  }

  Statement ParseFor(int line) {
    Statement statement = Make(Kind::kFor, line);
    statement.target = ParseTarget(false);
    ExpectName("in");
    statement.expression = ParseTuple(false);
    if (SkipName("if")) statement.condition = ParseExpression();
    if (IsName("recursive")) FailHere("meap's subset of Jinja has no recursive loops");
    EndTag();
    ++loops_;
    statement.body = ParseBlock({"else", "endfor"});
    --loops_;
    if (SkipName("else")) {
      EndTag();
      statement.orelse = ParseBlock({"endfor"});
    }
    ExpectName("endfor");
    EndTag();
    return statement;
  }

  Statement ParseSet(int line) {
    Statement statement = Make(Kind::kSet, line);
    statement.target = ParseTarget(true);
    if (Skip("=")) {
      statement.expression = ParseTuple(true);
      EndTag();
      return statement;
    }
    statement.kind = Kind::kSetBlock;
    statement.expression = ParseFilters();
    statement.body = ParseBody("endset");
    return statement;
  }

  Statement ParseMacro(int line) {
    Statement statement = Make(Kind::kMacro, line);
    statement.name = TakeName();
    ParseParameters(statement);
    statement.body = ParseOutsideOfLoops("endmacro");
    return statement;
  }

  Statement ParseCallBlock(int line) {
    Statement statement = Make(Kind::kCallBlock, line);
    if (Is("(")) ParseParameters(statement);
    statement.expression = ParseExpression();
    if (statement.expression->kind != Expression::Kind::kCall) FailHere("{% call %} needs a call");
    statement.body = ParseOutsideOfLoops("endcall");
    return statement;
  }

  Statement ParseWith(int line) {
    Statement statement = Make(Kind::kWith, line);
    while (current().kind != Token::Kind::kStatementEnd) {
      ExpressionPtr target = ParseTarget(false);
      Expect("=");
      statement.assignments.emplace_back(std::move(target), ParseExpression());
      if (!Skip(",")) break;
    }
    statement.body = ParseBody("endwith");
    return statement;
  }

  /// A body whose `break` could not reach a loop outside of it.
  Block ParseOutsideOfLoops(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    Block body = ParseBody(end);
    loops_ = loops;
    return body;
  }

  void ParseParameters(Statement& statement) {
    Expect("(");
    while (!Is(")")) {
      Parameter parameter{TakeName(), nullptr};
      if (Skip("=")) {
        parameter.otherwise = ParseExpression();
      } else if (!statement.parameters.empty() && statement.parameters.back().otherwise) {
        FailHere("a parameter without a default after one with a default");
      }
      statement.parameters.push_back(std::move(parameter));
      if (!Skip(",")) break;
    }
    Expect(")");
  }

  /// What can be assigned to: names and tuples of them, with `attributes` also `namespace.name`.
  ExpressionPtr ParseTarget(bool attributes) {
    const int line = current().line;
    if (Skip("(")) {
      ExpressionPtr inside = ParseTarget(attributes);
      Expect(")");
      return inside;
    }
    ExpressionPtr first = ExpressionParser::Make(Expression::Kind::kName, line, TakeName());
    if (attributes && Skip(".")) {
      ExpressionPtr attribute =
          ExpressionParser::Make(Expression::Kind::kAttribute, line, TakeName());
      attribute->operands.push_back(std::move(first));
      return attribute;
    }
    if (!Is(",")) return first;
    ExpressionPtr tuple = ExpressionParser::Make(Expression::Kind::kTuple, line);
    tuple->operands.push_back(std::move(first));
    while (Skip(",")) {
      if (IsName("in") || Is("=") || Is(")")) break;
      tuple->operands.push_back(ExpressionParser::Make(Expression::Kind::kName, line, TakeName()));
    }
    return tuple;
  }

  static Statement Make(Kind kind, int line) {
    Statement statement;
    statement.kind = kind;
    statement.line = line;
    return statement;
  }
  void EndTag() { End(Token::Kind::kStatementEnd, "'%}'"); }
  void End(Token::Kind kind, const std::string& shown) {
    if (current().kind != kind) FailUnexpected(shown);
    Take();
  }

  int loops_ = 0;  // around what is being read
};

}  // namespace

Block Parse(std::string_view source) { return StatementParser(Tokenize(source)).ParseTemplate(); }

}  // namespace meap::jinja
