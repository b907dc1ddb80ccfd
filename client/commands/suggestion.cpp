#include "client/commands/suggestion.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace berth::client {

namespace {

/// How many letters to put in, take out, change or swap with the next (Damerau and Levenshtein).
std::size_t distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> last(right.size() + 1);
  std::iota(last.begin(), last.end(), std::size_t{0});
  for (std::size_t row = 1; row <= left.size(); ++row) {
    std::vector<std::size_t> line(right.size() + 1, row);
    for (std::size_t column = 1; column <= right.size(); ++column) {
      const bool same = left[row - 1] == right[column - 1];
      line[column] = std::min({last[column] + 1, line[column - 1] + 1,
                               last[column - 1] + (same ? std::size_t{0} : std::size_t{1})});
      const bool swapped = row > 1 && column > 1 && left[row - 1] == right[column - 2] &&
                           left[row - 2] == right[column - 1];
      if (swapped) line[column] = std::min(line[column], before[column - 2] + 1);
    }
    before = std::exchange(last, std::move(line));
  }
  return last.back();
}

}  // namespace

std::string suggestion(std::string_view typed, const std::vector<std::string>& names) {
  constexpr std::size_t kLetters = 3;  // one slip in so many is still the same word
  const std::string* best = nullptr;
  std::size_t least = std::max<std::size_t>(typed.size() / kLetters, 1) + 1;
  for (const std::string& name : names) {
    const std::size_t found = distance(typed, name);
    if (found >= least) continue;
    least = found;
    best = &name;
  }
  return best == nullptr ? std::string() : "\nDid you mean " + *best + "?";
}

}  // namespace berth::client
