#include "common/id_map.hpp"

#include <string>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

constexpr std::uint32_t kAll = 0xffffffff;

/// The numbers of one line, which stand in columns.
std::vector<std::uint32_t> numbers(std::string_view line) {
  std::vector<std::uint32_t> found;
  for (const std::string_view word : split(line, ' ')) {
    if (word.empty()) continue;
    const auto number = parse_number<std::uint32_t>(word);
    if (!number) return {};
    found.push_back(*number);
  }
  return found;
}

}  // namespace

std::optional<std::uint32_t> host_id(const IdRanges& ranges, std::uint32_t id) {
  for (const IdRange& range : ranges) {
    if (id >= range.container && id - range.container < range.size)
      return range.host + (id - range.container);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> container_id(const IdRanges& ranges, std::uint32_t id) {
  for (const IdRange& range : ranges) {
    if (id >= range.host && id - range.host < range.size)
      return range.container + (id - range.host);
  }
  return std::nullopt;
}

IdRanges parse_id_map(std::string_view text) {
  IdRanges ranges;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    const auto parts = numbers(line);
    if (parts.size() != 3)
      throw Error(ErrorKind::kInternal, "not the line of an id map: \"" + std::string(line) + "\"");
    ranges.push_back({parts[0], parts[1], parts[2]});
  }
  const bool identical = ranges.size() == 1 && ranges[0].container == 0 && ranges[0].host == 0 &&
                         ranges[0].size == kAll;
  return identical ? IdRanges() : ranges;
}

}  // namespace berth
