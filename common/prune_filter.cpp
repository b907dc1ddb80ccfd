#include "common/prune_filter.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/moment.hpp"

namespace berth {

namespace {

bool has_all(const std::map<std::string, std::string>& labels,
             const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(),
                     [&](const std::string& one) { return has_label(labels, one); });
}

Timestamp parse_until(const std::vector<std::string>& values) {
  if (values.size() > 1) {
    throw Error(ErrorKind::kInvalidArgument, "more than one until filter specified");
  }
  const auto time = parse_moment(values.front());
  if (time) return *time;
  throw Error(ErrorKind::kInvalidArgument,
              "invalid filter 'until=" + values.front() +
                  "': must be a time such as 2024-05-06T07:08:09Z, a duration such as 10m, or "
                  "seconds since 1970");
}

}  // namespace

bool has_label(const std::map<std::string, std::string>& labels, std::string_view wanted) {
  const std::size_t equals = wanted.find('=');
  const auto found = labels.find(std::string(wanted.substr(0, equals)));
  if (found == labels.end()) return false;
  return equals == std::string_view::npos || found->second == wanted.substr(equals + 1);
}

PruneFilter::PruneFilter(const Values& filters, std::span<const std::string_view> own) {
  for (const auto& [name, values] : filters) {
    if (values.empty()) continue;
    if (name == "label") {
      labels_ = values;
    } else if (name == "label!") {
      unwanted_ = values;
    } else if (name == "until") {
      until_ = parse_until(values);
    } else if (std::find(own.begin(), own.end(), name) == own.end()) {
      throw Error(ErrorKind::kInvalidArgument, "invalid filter '" + name + "'");
    }
  }
}

bool PruneFilter::matches(const std::map<std::string, std::string>& labels,
                          Timestamp created) const {
  if (until_ && created > *until_) return false;
  if (!unwanted_.empty() && has_all(labels, unwanted_)) return false;
  return has_all(labels, labels_);
}

}  // namespace berth
