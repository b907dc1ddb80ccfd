#include "daemon/image/prune_op.hpp"

#include <array>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/prune_filter.hpp"

namespace berth::image {

namespace {

constexpr std::array<std::string_view, 1> kOwnFilters = {"dangling"};

bool only_dangling(const std::map<std::string, std::vector<std::string>>& filters) {
  const auto found = filters.find("dangling");
  if (found == filters.end() || found->second.empty()) return true;
  bool yes = false;
  bool no = false;
  for (const std::string& value : found->second) {
    const bool known_yes = value == "1" || value == "true";
    const bool known_no = value == "0" || value == "false";
    if (!known_yes && !known_no) {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid filter 'dangling=" + value + "': use true or false");
    }
    yes = yes || known_yes;
    no = no || known_no;
  }
  if (yes && no) {
    throw Error(ErrorKind::kInvalidArgument, "invalid filter 'dangling': it is true and false");
  }
  return yes;
}

/// What the layers of one image take; those that are gone afterwards were given back.
class LayerSizes {
 public:
  LayerSizes(const storage::Driver& storage, const Image& image) : storage_(storage) {
    for (const ChainId& chain : image.document.chains)
      sizes_[chain] = storage.layer(chain).size;
  }

  std::uint64_t given_back() const {
    std::uint64_t total = 0;
    for (const auto& [chain, size] : sizes_) {
      if (!storage_.exists(chain)) total += size;
    }
    return total;
  }

 private:
  const storage::Driver& storage_;
  std::map<ChainId, std::uint64_t> sizes_;
};

/// Name by name, so that one that somebody took for a container meanwhile stays.
Task<> remove_one(RemoveContext context, ImagePtr image, std::vector<api::DeleteItem>& deleted) {
  std::vector<std::string> texts;
  for (const ImageReference& name : image->names)
    texts.push_back(name.familiar());
  if (texts.empty()) texts.push_back(image->id.str());
  for (const std::string& text : texts) {
    // The last tag took the names by digest along.
    if (!context.store.find_by_id(image->id)) co_return;
    try {
      RemoveRequest request{text, false, false};
      const auto items = co_await remove_image(context, std::move(request));
      deleted.insert(deleted.end(), items.begin(), items.end());
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kNotFound) continue;
      log::warn("pruning image {}: {}", text, error.what());
      co_return;
    }
  }
}

}  // namespace

Task<api::ImagesPruned> prune_images(RemoveContext context,
                                     std::map<std::string, std::vector<std::string>> filters) {
  const PruneFilter filter(filters, kOwnFilters);
  const bool dangling = only_dangling(filters);
  api::ImagesPruned pruned;
  for (const ImagePtr& image : context.store.all()) {
    if (dangling && !image->repo_tags().empty()) continue;
    if (!filter.matches(image->document.config.labels, image->document.created_at)) continue;
    if (!context.store.find_by_id(image->id)) continue;
    if (context.users != nullptr && !context.users->users_of(image->id).empty()) continue;
    const LayerSizes sizes(context.storage, *image);
    co_await remove_one(context, image, pruned.deleted);
    pruned.space_reclaimed += sizes.given_back();
  }
  context.events("prune", "", {{"reclaimed", std::to_string(pruned.space_reclaimed)}});
  co_return pruned;
}

}  // namespace berth::image
