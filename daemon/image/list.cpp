#include "daemon/image/list.hpp"

#include <algorithm>
#include <optional>
#include <tuple>
#include <unordered_map>

#include <fnmatch.h>

#include "common/error.hpp"

namespace berth::image {

namespace {

using Values = std::vector<std::string>;

std::int64_t seconds(Timestamp time) {
  return std::chrono::floor<std::chrono::seconds>(time.time_since_epoch()).count();
}

bool parse_flag(const std::string& name, const std::string& value) {
  if (value == "true" || value == "1") return true;
  if (value == "false" || value == "0") return false;
  throw Error(ErrorKind::kInvalidArgument,
              "invalid filter '" + name + "=" + value + "': use true or false");
}

/// Shell patterns in which * stops at a slash, on the name with and without its tag.
bool matches_pattern(const ImageReference& name, const Values& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&](const std::string& pattern) {
    return ::fnmatch(pattern.c_str(), name.familiar().c_str(), FNM_PATHNAME) == 0 ||
           ::fnmatch(pattern.c_str(), name.familiar_name().c_str(), FNM_PATHNAME) == 0;
  });
}

bool has_label(const api::StringMap& labels, const std::string& wanted) {
  const auto equals = wanted.find('=');
  const auto found = labels.find(wanted.substr(0, equals));
  if (found == labels.end()) return false;
  return equals == std::string::npos || found->second == wanted.substr(equals + 1);
}

class ListFilter {
 public:
  ListFilter(const ImageStore& store, const ListQuery& query) {
    for (const auto& [name, values] : query.filters) {
      if (values.empty()) continue;
      if (name == "reference") {
        patterns_ = values;
      } else if (name == "label") {
        labels_ = values;
      } else if (name == "dangling") {
        dangling_ = parse_flag(name, values.front());
      } else if (name == "before") {
        before(store.find(values.front()).image->document.created_at);
      } else if (name == "since") {
        since_ = store.find(values.front()).image->document.created_at;
      } else if (name == "until") {
        before(parse_rfc3339(values.front()));
      } else {
        throw Error(ErrorKind::kInvalidArgument,
                    "invalid filter '" + name +
                        "': use before, dangling, label, reference, since or until");
      }
    }
  }

  /// Puts the names to show into the summary.
  bool accepts(const Image& image, api::ImageSummary& summary) const {
    const Timestamp created = image.document.created_at;
    if (before_ && created >= *before_) return false;
    if (since_ && created <= *since_) return false;
    const auto& labels = image.document.config.labels;
    if (!std::all_of(labels_.begin(), labels_.end(),
                     [&](const std::string& wanted) { return has_label(labels, wanted); })) {
      return false;
    }
    for (const ImageReference& name : image.names) {
      if (!patterns_.empty() && !matches_pattern(name, patterns_)) continue;
      (name.tag().empty() ? summary.repo_digests : summary.repo_tags).push_back(name.familiar());
    }
    const bool nameless = summary.repo_tags.empty() && summary.repo_digests.empty();
    if (!patterns_.empty() && nameless) return false;
    const bool is_dangling = image.repo_tags().empty();
    return !dangling_ || *dangling_ == is_dangling;
  }

 private:
  void before(Timestamp time) { before_ = before_ ? std::min(*before_, time) : time; }

  Values patterns_;
  Values labels_;
  std::optional<bool> dangling_;
  std::optional<Timestamp> before_;
  std::optional<Timestamp> since_;
};

/// How many images stand on each layer.
std::unordered_map<ChainId, int> count_users(const std::vector<ImagePtr>& images) {
  std::unordered_map<ChainId, int> users;
  for (const ImagePtr& image : images) {
    for (const ChainId& chain : image->document.chains)
      ++users[chain];
  }
  return users;
}

std::int64_t shared_size(const Image& image, const storage::Driver& storage,
                         const std::unordered_map<ChainId, int>& users) {
  std::uint64_t size = 0;
  for (const ChainId& chain : image.document.chains) {
    if (users.at(chain) > 1) size += storage.layer(chain).size;
  }
  return static_cast<std::int64_t>(size);
}

}  // namespace

std::vector<api::ImageSummary> list_images(const ImageStore& store, const storage::Driver& storage,
                                           const ListQuery& query) {
  const ListFilter filter(store, query);
  const std::vector<ImagePtr> images = store.all();
  const auto users = query.shared_size ? count_users(images) : std::unordered_map<ChainId, int>();
  std::vector<api::ImageSummary> list;
  for (const ImagePtr& image : images) {
    api::ImageSummary summary;
    if (!filter.accepts(*image, summary)) continue;
    summary.id = image->id.str();
    summary.created = seconds(image->document.created_at);
    summary.labels = image->document.config.labels;
    summary.size = static_cast<std::int64_t>(image->size);
    if (query.shared_size) summary.shared_size = shared_size(*image, storage, users);
    list.push_back(std::move(summary));
  }
  std::sort(list.begin(), list.end(), [](const auto& left, const auto& right) {
    return std::tie(right.created, left.id) < std::tie(left.created, right.id);
  });
  return list;
}

}  // namespace berth::image
