#include "client/format/template_tokens.hpp"

#include <algorithm>
#include <array>

#include "common/error.hpp"

namespace berth::client {

namespace {

constexpr std::string_view kBlanks = " \t\r\n";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_word(char c) {
  const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return letter || is_digit(c) || static_cast<unsigned char>(c) >= 0x80;
}

char unescape(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    case '0':
      return '\0';
    default:
      return c;
  }
}

class Splitter {
 public:
  explicit Splitter(std::string_view text) : text_(text) {}

  std::vector<Token> run() {
    while (at_ < text_.size())
      split_outside();
    tokens_.push_back({TokenKind::kEnd, {}, text_.size(), false});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::kInvalidArgument,
                parse_place(text_, std::min(at_, text_.size())) + what);
  }

  std::string_view rest() const { return text_.substr(at_); }

  /// Text up to the next action, then that action. "{{- " takes the blanks before it.
  void split_outside() {
    const std::size_t open = std::min(text_.find("{{", at_), text_.size());
    std::string_view literal = text_.substr(at_, open - at_);
    if (trim_next_)
      literal.remove_prefix(std::min(literal.find_first_not_of(kBlanks), literal.size()));
    trim_next_ = false;
    const bool trims = text_.substr(open).starts_with("{{-") && open + 3 < text_.size() &&
                       kBlanks.find(text_[open + 3]) != kBlanks.npos;
    if (trims) literal = literal.substr(0, literal.find_last_not_of(kBlanks) + 1);
    if (!literal.empty()) tokens_.push_back({TokenKind::kText, std::string(literal), at_, false});
    at_ = open;
    if (open == text_.size()) return;
    at_ += trims ? 3 : 2;
    if (rest()
            .substr(std::min(rest().find_first_not_of(kBlanks), rest().size()))
            .starts_with("/*")) {
      skip_comment();
      return;
    }
    add(TokenKind::kOpen, {}, open);
    while (!close_action())
      split_inside();
  }

  void skip_comment() {
    const std::size_t end = text_.find("*/", at_);
    if (end == text_.npos) fail("unclosed comment");
    at_ = end + 2;
    skip_blanks();
    if (rest().starts_with("-}}")) {
      trim_next_ = true;
      ++at_;
    }
    if (!rest().starts_with("}}")) fail("comment ends before closing delimiter");
    at_ += 2;
  }

  void skip_blanks() {
    while (at_ < text_.size() && kBlanks.find(text_[at_]) != kBlanks.npos) {
      space_ = true;
      ++at_;
    }
  }

  bool close_action() {
    skip_blanks();
    if (at_ >= text_.size()) fail("unclosed action");
    const bool trims = space_ && rest().starts_with("-}}");
    if (!trims && !rest().starts_with("}}")) return false;
    add(TokenKind::kClose, {}, at_);
    at_ += trims ? 3 : 2;
    trim_next_ = trims;
    return true;
  }

  void add(TokenKind kind, std::string value, std::size_t position) {
    tokens_.push_back({kind, std::move(value), position, space_});
    space_ = false;
  }

  void split_inside() {
    const std::size_t begin = at_;
    const char c = text_[at_];
    if (c == '"' || c == '`' || c == '\'') return split_quoted(c);
    if (c == '.' && (at_ + 1 >= text_.size() || !is_digit(text_[at_ + 1]))) {
      ++at_;
      const std::string name = take_word();
      return add(name.empty() ? TokenKind::kDot : TokenKind::kField, name, begin);
    }
    if (c == '$') {
      ++at_;
      return add(TokenKind::kVariable, "$" + take_word(), begin);
    }
    const bool sign = (c == '-' || c == '+') && at_ + 1 < text_.size();
    if (is_digit(c) || c == '.' || (sign && is_digit(text_[at_ + 1]))) {
      ++at_;
      while (at_ < text_.size() && (is_word(text_[at_]) || text_[at_] == '.'))
        ++at_;
      return add(TokenKind::kNumber, std::string(text_.substr(begin, at_ - begin)), begin);
    }
    if (is_word(c)) return add(TokenKind::kWord, take_word(), begin);
    split_sign();
  }

  void split_sign() {
    const std::size_t begin = at_;
    if (rest().starts_with(":=")) {
      at_ += 2;
      return add(TokenKind::kDeclare, ":=", begin);
    }
    constexpr std::array<std::pair<char, TokenKind>, 5> kSigns{{{'|', TokenKind::kPipe},
                                                                {'(', TokenKind::kLeftParen},
                                                                {')', TokenKind::kRightParen},
                                                                {',', TokenKind::kComma},
                                                                {'=', TokenKind::kAssign}}};
    for (const auto& [sign, kind] : kSigns) {
      if (text_[at_] != sign) continue;
      ++at_;
      return add(kind, std::string(1, sign), begin);
    }
    if (text_[at_] < ' ') fail("unexpected control character in action");
    add(TokenKind::kOther, std::string(1, text_[at_++]), begin);
  }

  std::string take_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_]))
      ++at_;
    return std::string(text_.substr(begin, at_ - begin));
  }

  void split_quoted(char quote) {
    const std::size_t begin = at_++;
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\n' && quote != '`') break;
      if (text_[at_] == '\\' && quote != '`' && at_ + 1 < text_.size()) {
        value += unescape(text_[++at_]);
      } else {
        value += text_[at_];
      }
      ++at_;
    }
    if (at_ >= text_.size() || text_[at_] != quote) {
      at_ = begin;
      fail(quote == '`'   ? "unterminated raw quoted string"
           : quote == '"' ? "unterminated quoted string"
                          : "unterminated character constant");
    }
    ++at_;
    if (quote != '\'') return add(TokenKind::kString, value, begin);
    if (value.size() != 1) fail("malformed character constant: '" + value + "'");
    add(TokenKind::kCharacter, std::to_string(static_cast<unsigned char>(value.front())), begin);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<Token> tokens_;
  bool space_ = false;
  bool trim_next_ = false;
};

}  // namespace

std::string parse_place(std::string_view text, std::size_t position) {
  const auto lines =
      std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n');
  return "template: :" + std::to_string(lines + 1) + ": ";
}

std::vector<Token> split_template(std::string_view text) {
  return Splitter(text).run();
}

}  // namespace berth::client
