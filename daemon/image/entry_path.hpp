// Names inside archives, which anybody may have written.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::image {

/// "a/b" for "/a/./b/", "./a/b", "a/x/../b"; empty for the root itself. Throws
/// Error{kInvalidArgument} for a name that climbs out of the archive, or is no possible path.
std::string clean_entry_path(std::string_view name);

struct SplitPath {
  std::string_view folder;  // empty: the root
  std::string_view name;
};
/// Of a cleaned, non-empty path.
SplitPath split_path(std::string_view path);

/// What an entry's last name asks for (OCI image layer specification, "Whiteouts").
struct Whiteout {
  enum class Kind {
    kEntry,   // hide `name` of the layers below
    kOpaque,  // hide all that the layers below have in this folder
    kIgnore,  // bookkeeping of aufs
  };
  Kind kind;
  std::string_view name;
};
/// Nothing for an ordinary name. Throws Error{kInvalidArgument} for ".wh.", ".wh.." and ".wh...".
std::optional<Whiteout> parse_whiteout(std::string_view name);

/// The name as it is shown in an error: quoted, cut when long, without control characters.
std::string quote_entry(std::string_view name);

}  // namespace berth::image
