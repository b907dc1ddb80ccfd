#include "daemon/registry/challenge.hpp"

#include <cctype>

#include "common/text.hpp"

namespace berth::registry {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  void skip_separators() {
    while (!rest_.empty() &&
           (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == ','))
      rest_.remove_prefix(1);
  }

  /// The empty text when no token is there.
  std::string token() {
    std::size_t length = 0;
    while (length < rest_.size() && is_token(rest_[length]))
      ++length;
    std::string result(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return result;
  }

  bool take(char c) {
    std::string_view after = rest_;
    while (!after.empty() && after.front() == ' ')
      after.remove_prefix(1);
    if (after.empty() || after.front() != c) return false;
    rest_ = after.substr(1);
    return true;
  }

  std::string value() {
    while (!rest_.empty() && rest_.front() == ' ')
      rest_.remove_prefix(1);
    if (rest_.empty() || rest_.front() != '"') return token();
    rest_.remove_prefix(1);
    std::string result;
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
      result.push_back(rest_.front());
      rest_.remove_prefix(1);
    }
    if (!rest_.empty()) rest_.remove_prefix(1);
    return result;
  }

 private:
  static bool is_token(char c) {
    static constexpr std::string_view kExtra = "!#$%&'*+-.^_`|~/:";
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           kExtra.find(c) != std::string_view::npos;
  }

  std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> challenges;
  Reader reader(header);
  for (;;) {
    reader.skip_separators();
    std::string name = to_lower(reader.token());
    if (name.empty()) return challenges;
    // "name=" is a parameter of the scheme in front of it; a bare word is the next scheme.
    if (!reader.take('=')) {
      challenges.push_back({std::move(name), {}});
    } else if (challenges.empty()) {
      return challenges;
    } else {
      challenges.back().parameters.emplace(std::move(name), reader.value());
    }
  }
}

}  // namespace berth::registry
