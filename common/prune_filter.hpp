// The filters that every prune request knows: until, label and label!.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/time.hpp"

namespace berth {

/// Whether the labels have the one that is wanted: "key", or "key=value".
bool has_label(const std::map<std::string, std::string>& labels, std::string_view wanted);

class PruneFilter {
 public:
  using Values = std::map<std::string, std::vector<std::string>>;

  /// `own` names the filters that the noun handles by itself. Throws Error{kInvalidArgument} for
  /// any other, and for an `until` that is no time.
  explicit PruneFilter(const Values& filters, std::span<const std::string_view> own = {});

  /// All of `label`, not all of `label!`, and not made behind `until`.
  bool matches(const std::map<std::string, std::string>& labels, Timestamp created) const;

 private:
  std::vector<std::string> labels_;
  std::vector<std::string> unwanted_;
  std::optional<Timestamp> until_;
};

}  // namespace berth
