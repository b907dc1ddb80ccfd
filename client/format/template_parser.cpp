#include <algorithm>
#include <cstdlib>

#include "client/format/template_functions.hpp"
#include "client/format/template_nodes.hpp"
#include "client/format/template_tokens.hpp"
#include "client/format/text.hpp"
#include "common/error.hpp"

namespace berth::client {

namespace {

using Json = nlohmann::ordered_json;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text), tokens_(split_template(text)) {}

  std::vector<Node> run() {
    std::vector<Node> nodes = parse_list();
    if (peek().kind != TokenKind::kEnd) fail("unexpected {{" + end_word_ + "}}");
    return nodes;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::kInvalidArgument, parse_place(text_, tokens_[at_].position) + what);
  }

  const Token& peek(std::size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }

  Token next() {
    Token token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }

  bool at_word(std::string_view word) const {
    return peek().kind == TokenKind::kOpen && peek(1).kind == TokenKind::kWord &&
           peek(1).text == word;
  }

  /// Until the end of the text or an {{end}} or {{else}}, which stays.
  std::vector<Node> parse_list() {
    std::vector<Node> nodes;
    while (peek().kind != TokenKind::kEnd) {
      if (at_word("end") || at_word("else")) {
        end_word_ = peek(1).text;
        break;
      }
      if (peek().kind == TokenKind::kText) {
        nodes.push_back({Node::Kind::kText, next().text, {}, {}, {}});
      } else {
        nodes.push_back(parse_action());
      }
    }
    return nodes;
  }

  Node parse_action() {
    next();  // {{
    if (peek().kind == TokenKind::kWord) {
      const std::string word = peek().text;
      if (word == "if") return parse_block(Node::Kind::kIf, "if");
      if (word == "with") return parse_block(Node::Kind::kWith, "with");
      if (word == "range") return parse_block(Node::Kind::kRange, "range");
      if (word == "break" || word == "continue") {
        if (ranges_ == 0) fail("{{" + word + "}} outside {{range}}");
        next();
        expect_close("{{" + word + "}}");
        return {word == "break" ? Node::Kind::kBreak : Node::Kind::kContinue, {}, {}, {}, {}};
      }
      if (word == "define" || word == "template" || word == "block") {
        fail("{{" + word + "}} is not supported");
      }
    }
    Node node{Node::Kind::kAction, {}, parse_pipeline("command"), {}, {}};
    expect_close("command");
    return node;
  }

  void expect_close(const std::string& context) {
    if (peek().kind != TokenKind::kClose) unexpected(context);
    next();
  }

  [[noreturn]] void unexpected(const std::string& context) const {
    const Token& token = peek();
    if (token.kind == TokenKind::kEnd) fail("unexpected EOF");
    if (token.kind == TokenKind::kClose) fail("unexpected \"}}\" in " + context);
    const std::string shown = token.kind == TokenKind::kField ? "." + token.text : token.text;
    fail("unexpected " + quote(token.kind == TokenKind::kDot ? "." : shown) + " in " + context);
  }

  Node parse_block(Node::Kind kind, const std::string& word) {
    next();
    Node node{kind, {}, parse_pipeline(word), {}, {}};
    expect_close(word);
    ranges_ += kind == Node::Kind::kRange ? 1 : 0;
    node.body = parse_list();
    ranges_ -= kind == Node::Kind::kRange ? 1 : 0;
    if (at_word("else")) {
      next();
      next();
      const bool chained =
          peek().kind == TokenKind::kWord && peek().text == word && word != "range";
      if (chained) {
        node.otherwise.push_back(parse_block(kind, word));
        return node;  // its {{end}} ends both
      }
      expect_close("{{else}}");
      node.otherwise = parse_list();
    }
    if (!at_word("end"))
      fail(peek().kind == TokenKind::kEnd ? "unexpected EOF" : "unexpected {{else}}");
    next();
    next();
    expect_close("{{end}}");
    return node;
  }

  void parse_declarations(Pipeline& pipeline, const std::string& context) {
    if (peek().kind != TokenKind::kVariable) return;
    const bool two = peek(1).kind == TokenKind::kComma && peek(2).kind == TokenKind::kVariable;
    const TokenKind sign = peek(two ? 3 : 1).kind;
    if (two && context != "range") fail("too many declarations in " + context);
    if (sign != TokenKind::kDeclare && sign != TokenKind::kAssign) return;
    pipeline.assigns = sign == TokenKind::kAssign;
    pipeline.variables.push_back(next().text);
    if (two) {
      next();
      pipeline.variables.push_back(next().text);
    }
    next();
    if (!pipeline.assigns) {
      for (const std::string& name : pipeline.variables)
        variables_.push_back(name);
    }
  }

  Pipeline parse_pipeline(const std::string& context) {
    Pipeline pipeline;
    parse_declarations(pipeline, context);
    while (true) {
      pipeline.commands.push_back(parse_command(context));
      if (peek().kind != TokenKind::kPipe) break;
      next();
      if (peek().kind == TokenKind::kClose) break;  // Go lets that pass
    }
    for (std::size_t index = 1; index < pipeline.commands.size(); ++index) {
      const Operand& first = pipeline.commands[index].front();
      if (first.kind == Operand::Kind::kConstant) {
        fail("non executable command in pipeline stage " + std::to_string(index + 1));
      }
    }
    return pipeline;
  }

  Invocation parse_command(const std::string& context) {
    Invocation command;
    while (starts_operand())
      command.push_back(parse_operand());
    const TokenKind kind = peek().kind;
    const bool ends =
        kind == TokenKind::kPipe || kind == TokenKind::kClose || kind == TokenKind::kRightParen;
    if (!ends) unexpected("operand");
    if (command.empty()) {
      if (kind == TokenKind::kPipe) fail("missing value for " + context);
      fail(kind == TokenKind::kClose ? "missing value for " + context
                                     : "unexpected \")\" in " + context);
    }
    return command;
  }

  bool starts_operand() const {
    switch (peek().kind) {
      case TokenKind::kDot:
      case TokenKind::kField:
      case TokenKind::kVariable:
      case TokenKind::kWord:
      case TokenKind::kString:
      case TokenKind::kNumber:
      case TokenKind::kCharacter:
      case TokenKind::kLeftParen:
        return true;
      default:
        return false;
    }
  }

  Operand parse_operand() {
    const std::size_t begin = peek().position;
    Operand operand = parse_term();
    operand.position = begin;
    const std::size_t bare = operand.fields.size();
    while (peek().kind == TokenKind::kField && !peek().after_space) {
      // Go reports a chain at its second part.
      if (operand.fields.size() == bare) operand.position = peek().position;
      operand.fields.push_back(next().text);
    }
    const std::size_t end = peek(0).position;
    std::string_view source = std::string_view(text_).substr(begin, end - begin);
    source = source.substr(0, source.find_last_not_of(" \t\n") + 1);
    if (source.ends_with('-')) source = source.substr(0, source.find_last_not_of(" \t\n-") + 1);
    operand.source = source;
    operand.end = begin + source.size();
    return operand;
  }

  Operand parse_term() {
    const Token token = peek();
    Operand operand;
    switch (token.kind) {
      case TokenKind::kField:
        operand.fields.push_back(token.text);
        break;
      case TokenKind::kVariable:
        operand.kind = Operand::Kind::kVariable;
        operand.name = token.text;
        if (std::find(variables_.begin(), variables_.end(), token.text) == variables_.end()) {
          fail("undefined variable " + quote(token.text));
        }
        break;
      case TokenKind::kWord:
        return parse_word();
      case TokenKind::kString:
      case TokenKind::kNumber:
      case TokenKind::kCharacter:
        operand.kind = Operand::Kind::kConstant;
        operand.constant = token.kind == TokenKind::kString ? Json(token.text) : number(token.text);
        break;
      case TokenKind::kLeftParen:
        next();
        operand.kind = Operand::Kind::kPipeline;
        operand.inner = std::make_shared<Pipeline>(parse_pipeline("parenthesized pipeline"));
        if (peek().kind != TokenKind::kRightParen) fail("unclosed left paren");
        break;
      default:
        break;
    }
    next();
    return operand;
  }

  Operand parse_word() {
    Operand operand;
    const std::string word = peek().text;
    operand.kind = Operand::Kind::kConstant;
    if (word == "true" || word == "false") {
      operand.constant = word == "true";
    } else if (word != "nil") {
      operand.kind = Operand::Kind::kFunction;
      operand.name = word;
      if (!is_template_function(word)) fail("function " + quote(word) + " not defined");
    }
    next();
    return operand;
  }

  Json number(const std::string& text) const {
    char* end = nullptr;
    const long long whole = std::strtoll(text.c_str(), &end, 0);
    if (*end == '\0') return whole;
    const double real = std::strtod(text.c_str(), &end);
    if (*end != '\0') fail("bad number syntax: " + quote(text));
    return real;
  }

  std::string text_;
  std::vector<Token> tokens_;
  std::size_t at_ = 0;
  std::size_t ranges_ = 0;
  std::string end_word_;
  std::vector<std::string> variables_{"$"};
};

}  // namespace

std::vector<Node> parse_template(std::string_view text) {
  return Parser(text).run();
}

}  // namespace berth::client
