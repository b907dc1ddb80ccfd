#include "daemon/image/entry_path.hpp"

#include <limits.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::image {

namespace {

constexpr std::string_view kPrefix = ".wh.";
constexpr std::string_view kOpaqueName = ".wh..wh..opq";

[[noreturn]] void refuse(std::string_view name, const std::string& why) {
  throw Error(ErrorKind::kInvalidArgument, "archive entry " + quote_entry(name) + " " + why);
}

void drop_last(std::string& path) {
  const auto slash = path.rfind('/');
  path.resize(slash == std::string::npos ? 0 : slash);
}

}  // namespace

std::string quote_entry(std::string_view name) {
  constexpr std::size_t kShown = 200;
  std::string text = "\"";
  for (const char c : name.substr(0, kShown))
    text += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  if (name.size() > kShown) text += "...";
  return text + '"';
}

std::string clean_entry_path(std::string_view name) {
  std::string path;
  for (const std::string_view part : split(name, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (path.empty()) refuse(name, "leads out of the archive");
      drop_last(path);
      continue;
    }
    if (part.size() > NAME_MAX) refuse(name, "has a name longer than 255 bytes");
    if (!path.empty()) path += '/';
    path += part;
  }
  if (path.size() >= PATH_MAX) refuse(name, "is longer than 4095 bytes");
  return path;
}

SplitPath split_path(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {{}, path};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

std::optional<Whiteout> parse_whiteout(std::string_view name) {
  if (!name.starts_with(kPrefix)) return std::nullopt;
  if (name == kOpaqueName) return Whiteout{Whiteout::Kind::kOpaque, {}};
  const std::string_view hidden = name.substr(kPrefix.size());
  if (hidden.starts_with(kPrefix)) return Whiteout{Whiteout::Kind::kIgnore, {}};
  if (hidden.empty() || hidden == "." || hidden == "..") {
    refuse(name, "is a whiteout that names no file");
  }
  return Whiteout{Whiteout::Kind::kEntry, hidden};
}

}  // namespace berth::image
