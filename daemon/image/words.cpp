#include "daemon/image/words.hpp"

#include <algorithm>
#include <cctype>

#include "common/error.hpp"

namespace berth::image {

namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t';
}

bool is_name(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

std::string_view value_of(const api::StringList& environment, std::string_view name) {
  for (const std::string& entry : environment) {
    const std::string_view text = entry;
    if (text.starts_with(name) && text.substr(name.size()).starts_with('='))
      return text.substr(name.size() + 1);
  }
  return {};
}

class Expander {
 public:
  Expander(std::string_view text, const api::StringList& environment)
      : text_(text), environment_(environment) {}

  std::string run() {
    std::string result;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\'') {
        result += single_quoted();
      } else if (c == '"') {
        result += double_quoted();
      } else if (c == '$') {
        result += variable();
      } else if (c == '\\' && at_ + 1 < text_.size()) {
        result += text_[at_ + 1];
        at_ += 2;
      } else {
        result += c;
        ++at_;
      }
    }
    return result;
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorKind::kInvalidArgument,
                "failed to process \"" + std::string(text_) + "\": " + what);
  }

  std::string_view single_quoted() {
    const std::size_t end = text_.find('\'', at_ + 1);
    if (end == std::string_view::npos)
      refuse("unexpected end of statement while looking for matching single-quote");
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return inside;
  }

  std::string double_quoted() {
    std::string result;
    for (++at_; at_ < text_.size();) {
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return result;
      }
      if (c == '$') {
        result += variable();
        continue;
      }
      // A backslash is one unless it stands before what is special here.
      const std::string_view rest = text_.substr(at_ + 1);
      if (c == '\\' && (rest.starts_with('"') || rest.starts_with('$') || rest.starts_with('\\')))
        ++at_;
      result += text_[at_++];
    }
    refuse("unexpected end of statement while looking for matching double-quote");
  }

  std::string variable() {
    const std::size_t dollar = at_++;
    if (at_ < text_.size() && text_[at_] == '{') return braced();
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_name(text_[at_]))
      ++at_;
    if (at_ == begin) return std::string(text_.substr(dollar, 1));
    return std::string(value_of(environment_, text_.substr(begin, at_ - begin)));
  }

  std::string braced() {
    const std::size_t end = matching_brace();
    const std::string_view inside = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    const auto stop = std::find_if_not(inside.begin(), inside.end(), is_name);
    const auto length = static_cast<std::size_t>(stop - inside.begin());
    const std::string_view name = inside.substr(0, length);
    const std::string_view rest = inside.substr(length);
    if (name.empty()) refuse("bad substitution");
    const std::string_view value = value_of(environment_, name);
    if (rest.empty()) return std::string(value);
    if (rest.starts_with(":-"))
      return value.empty() ? expand(rest.substr(2), environment_) : std::string(value);
    if (rest.starts_with(":+"))
      return value.empty() ? std::string() : expand(rest.substr(2), environment_);
    refuse("unsupported modifier in substitution");
  }

  std::size_t matching_brace() const {
    int depth = 0;
    for (std::size_t index = at_; index < text_.size(); ++index) {
      if (text_[index] == '{') ++depth;
      if (text_[index] == '}' && --depth == 0) return index;
    }
    refuse("syntax error: missing '}'");
  }

  std::string_view text_;
  const api::StringList& environment_;
  std::size_t at_ = 0;
};

}  // namespace

std::string expand(std::string_view text, const api::StringList& environment) {
  return Expander(text, environment).run();
}

std::vector<std::string> raw_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  char quote = '\0';
  for (std::size_t index = 0; index < text.size(); ++index) {
    const char c = text[index];
    if (quote == '\0' && is_space(c)) {
      if (!word.empty()) words.push_back(std::exchange(word, {}));
      continue;
    }
    word += c;
    if (c == '\\' && quote != '\'' && index + 1 < text.size()) {
      word += text[++index];
    } else if (quote != '\0') {
      if (c == quote) quote = '\0';
    } else if (c == '"' || c == '\'') {
      quote = c;
    }
  }
  if (!word.empty()) words.push_back(word);
  return words;
}

}  // namespace berth::image
