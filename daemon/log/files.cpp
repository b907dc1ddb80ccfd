#include "daemon/log/files.hpp"

#include <string>

namespace berth::logs {

namespace {

// More files than any sensible max-file; only a bound for the search.
constexpr int kMostFiles = 1000;
// A rotation that is under way leaves one number free, which moves towards the front.
constexpr int kMostGaps = 2;
constexpr int kMostTries = 8;

std::filesystem::path rotated(const std::filesystem::path& file, int number) {
  return number == 0 ? file : std::filesystem::path(file.native() + "." + std::to_string(number));
}

/// From the newest on to the file called `until`: a rotation meanwhile shows a file twice at most,
/// never hides one. The second sight of it is dropped by identity.
std::deque<Source> search(const std::filesystem::path& file, std::optional<std::uint64_t> until) {
  std::deque<Source> found;
  int gaps = 0;
  for (int number = 0; number < kMostFiles && gaps < kMostGaps; ++number) {
    auto source = Source::open(rotated(file, number));
    if (!source) {
      ++gaps;
      continue;
    }
    gaps = 0;
    if (until && source->identity() == *until) break;
    if (!found.empty() && found.front().identity() == source->identity()) continue;
    found.push_front(std::move(*source));
  }
  return found;
}

/// Whether a rotation was completed since the newest file was opened.
bool is_outdated(const std::filesystem::path& file, const std::deque<Source>& found) {
  const auto newest = found.empty() ? std::nullopt : Source::open(file);
  return newest && newest->identity() != found.back().identity();
}

/// Two rotations during one search could hide a file between them: then it is looked again.
std::deque<Source> search_all(const std::filesystem::path& file,
                              std::optional<std::uint64_t> until) {
  std::deque<Source> found = search(file, until);
  for (int tries = 1; tries < kMostTries && is_outdated(file, found); ++tries)
    found = search(file, until);
  return found;
}

}  // namespace

std::deque<Source> open_files(const std::filesystem::path& file) {
  return search_all(file, std::nullopt);
}

std::deque<Source> open_newer(const std::filesystem::path& file, std::uint64_t identity) {
  return search_all(file, identity);
}

}  // namespace berth::logs
