#include "daemon/image/remove_op.hpp"

#include <algorithm>
#include <optional>

#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

#include "common/error.hpp"
#include "common/ids.hpp"

namespace berth::image {

namespace {

using Names = std::vector<ImageReference>;

std::string shown(const ImageId& id) {
  return std::string(short_id(digest_hex(id.str())));
}

Names names_of(const Image& image) {
  return {image.names.begin(), image.names.end()};
}

bool in_one_repository(const Names& names) {
  return std::all_of(names.begin(), names.end(), [&](const ImageReference& name) {
    return name.name() == names.front().name();
  });
}

/// At most one tag, and digests of its repository alone: the names of one thing.
bool is_one_thing(const Names& names) {
  const auto tags = std::count_if(names.begin(), names.end(),
                                  [](const ImageReference& name) { return !name.tag().empty(); });
  return tags <= 1 && (names.empty() || in_one_repository(names));
}

class Removal {
 public:
  Removal(RemoveContext context, ImagePtr image, bool force)
      : context_(context), image_(std::move(image)), force_(force) {
    if (context_.users != nullptr) uses_ = context_.users->users_of(image_->id);
  }

  Task<> by_name(ImageReference name) {
    if (!force_ && is_one_thing(names_of(*image_))) check_unused(name);
    Names gone{name};
    // The last tag of a repository takes its digests along: they were only how it came here.
    const auto same = [&](const ImageReference& other) {
      return other != name && other.name() == name.name();
    };
    const Names all = names_of(*image_);
    const bool last_tag = !name.tag().empty() &&
                          std::none_of(all.begin(), all.end(), [&](const ImageReference& other) {
                            return same(other) && !other.tag().empty();
                          });
    if (last_tag) std::copy_if(all.begin(), all.end(), std::back_inserter(gone), same);
    co_await untag(std::move(gone));
    if (!image_->names.empty()) co_return;
    // A container still needs the image: its name is gone, itself it stays.
    if (blocking_use()) co_return;
    co_await remove();
  }

  Task<> by_id() {
    const Names names = names_of(*image_);
    if (const ImageUse* const use = blocking_use()) refuse(*use);
    if (!is_one_thing(names) && !force_) {
      throw conflict("must be forced", "image is referenced in multiple repositories");
    }
    co_await untag(names);
    co_await remove();
  }

  std::vector<api::DeleteItem> take_items() { return std::move(items_); }

 private:
  void check_unused(const ImageReference& name) const {
    if (uses_.empty()) return;
    throw Error(ErrorKind::kConflict, "conflict: unable to remove repository reference \"" +
                                          name.familiar() + "\" (must force) - container " +
                                          std::string(short_id(uses_.front().container_id)) +
                                          " is using its referenced image " + shown(image_->id));
  }

  /// The container that forbids removal: a running one always, a stopped one unless forced.
  const ImageUse* blocking_use() const {
    const auto running =
        std::find_if(uses_.begin(), uses_.end(), [](const ImageUse& use) { return use.running; });
    if (running != uses_.end()) return &*running;
    return uses_.empty() || force_ ? nullptr : &uses_.front();
  }

  [[noreturn]] void refuse(const ImageUse& use) const {
    const std::string state = use.running ? "running" : "stopped";
    throw conflict(use.running ? "cannot be forced" : "must be forced",
                   "image is being used by " + state + " container " +
                       std::string(short_id(use.container_id)));
  }

  Error conflict(const std::string& remedy, const std::string& why) const {
    return {ErrorKind::kConflict,
            "conflict: unable to delete " + shown(image_->id) + " (" + remedy + ") - " + why};
  }

  Task<> untag(Names names) {
    if (names.empty()) co_return;
    co_await context_.store.untag(image_->id, names);
    for (const ImageReference& name : names) {
      items_.push_back({{}, name.familiar()});
      publish("untag");
    }
  }

  Task<> remove() {
    const std::vector<ChainId> chains = image_->document.chains;
    co_await context_.store.remove(image_->id);
    items_.push_back({image_->id.str(), {}});
    publish("delete");
    context_.storage.sweep();
    for (auto chain = chains.rbegin(); chain != chains.rend(); ++chain) {
      if (!context_.storage.exists(*chain)) items_.push_back({chain->str(), {}});
    }
  }

  void publish(std::string_view action) {
    std::map<std::string, std::string> attributes(image_->document.config.labels.begin(),
                                                  image_->document.config.labels.end());
    attributes["name"] = image_->id.str();
    context_.events(action, image_->id.str(), std::move(attributes));
  }

  RemoveContext context_;
  ImagePtr image_;
  bool force_;
  std::vector<ImageUse> uses_;
  std::vector<api::DeleteItem> items_;
};

}  // namespace

Task<std::vector<api::DeleteItem>> remove_image(RemoveContext context, RemoveRequest request) {
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  ImageStore::Found found = context.store.find(request.name);
  Removal removal(context, std::move(found.image), request.force);
  if (found.name) {
    co_await removal.by_name(std::move(*found.name));
  } else {
    co_await removal.by_id();
  }
  co_return removal.take_items();
}

}  // namespace berth::image
