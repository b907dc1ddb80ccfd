// An image's configuration document (OCI image specification, "Image Configuration"; Docker's has
// a few fields more). What is read here is hostile; whatever leaves it was checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/image.hpp"
#include "common/digest.hpp"
#include "common/time.hpp"

namespace berth::image {

inline constexpr std::size_t kMaxConfigSize = std::size_t{8} << 20U;

struct ConfigDocument {
  api::ImageConfig config;
  std::vector<DiffId> diff_ids;
  std::vector<ChainId> chains;  // of each diff id, lowest first
  std::string created;          // RFC 3339, as written; may be empty
  Timestamp created_at{};
  std::string architecture;
  std::string variant;
  std::string os;
  std::string os_version;
  std::string author;
  std::string comment;
  std::string docker_version;

  /// Empty for an image without layers.
  ChainId top() const { return chains.empty() ? ChainId() : chains.back(); }
};

struct HistoryEntry {
  std::string created;
  std::string created_by;
  std::string comment;
  bool empty_layer = false;
};

/// Throws Error{kInvalidArgument} that says which field is wrong.
ConfigDocument parse_config(std::string_view text);
/// Oldest first.
std::vector<HistoryEntry> parse_history(std::string_view text);

}  // namespace berth::image
