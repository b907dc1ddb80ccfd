// The pieces of a Go template: text outside of actions, and the words inside {{ }}.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace berth::client {

enum class TokenKind {
  kText,
  kOpen,   // {{
  kClose,  // }}
  kDot,
  kField,     // ".Name"; the text is the name
  kVariable,  // "$" or "$name"; the text has the "$"
  kWord,      // functions and keywords
  kString,    // the text is the value
  kNumber,
  kCharacter,  // 'a'; the text is the number
  kPipe,
  kLeftParen,
  kRightParen,
  kComma,
  kDeclare,  // :=
  kAssign,   // =
  kOther,    // a sign that means nothing
  kEnd,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  std::size_t position = 0;
  bool after_space = false;  // ".A .B" are two operands, ".A.B" is one
};

/// Throws Error{kInvalidArgument} with Go's words for what is wrong.
std::vector<Token> split_template(std::string_view text);

/// "template: :LINE: " before what is wrong at the position, as Go's parser says it.
std::string parse_place(std::string_view text, std::size_t position);

}  // namespace berth::client
