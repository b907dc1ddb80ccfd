#include "daemon/http/router.hpp"

#include <optional>
#include <span>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::http {

namespace {

using Parameters = std::map<std::string, std::string, std::less<>>;

bool is_name(const std::string& segment) {
  return segment.starts_with('{');
}

/// Matches `pattern` from its front; a name with dots tries the longest run of segments first.
bool match(std::span<const std::string> pattern, std::span<const std::string_view> path,
           Parameters& parameters) {
  if (pattern.empty()) return path.empty();
  if (path.empty()) return false;
  const std::string& first = pattern.front();
  if (!is_name(first)) {
    return first == path.front() && match(pattern.subspan(1), path.subspan(1), parameters);
  }
  const bool greedy = first.ends_with("...}");
  const std::string name = first.substr(1, first.size() - (greedy ? 5 : 2));
  for (std::size_t count = greedy ? path.size() : 1; count > 0; --count) {
    if (!match(pattern.subspan(1), path.subspan(count), parameters)) continue;
    const char* begin = path.front().data();
    const std::string_view last = path[count - 1];
    std::string value(begin, static_cast<std::size_t>(last.data() + last.size() - begin));
    if (value.empty()) return false;
    parameters[name] = std::move(value);
    return true;
  }
  return false;
}

std::vector<std::string_view> segments_of(std::string_view path) {
  if (path.starts_with('/')) path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  return split(path, '/');
}

}  // namespace

void Router::add(std::string_view method, std::string_view pattern, Handler handler, Runs runs) {
  Route route{std::string(method), {}, std::move(handler), runs};
  for (const std::string_view segment : segments_of(pattern))
    route.segments.emplace_back(segment);
  routes_.push_back(std::move(route));
}

Router::Match Router::find(std::string_view method, std::string_view path) const {
  const auto segments = segments_of(path);
  for (const Route& route : routes_) {
    if (route.method != method) continue;
    Match found;
    if (!match(route.segments, segments, found.parameters)) continue;
    found.handler = &route.handler;
    found.runs = route.runs;
    return found;
  }
  throw Error(ErrorKind::kNotFound, "page not found");
}

}  // namespace berth::http
