// GET /images/get: images as an archive that docker load, berth load and OCI tools read.
#pragma once

#include <string>
#include <vector>

#include "daemon/image/store.hpp"

namespace berth::image {

/// An image to save, and the names by which it is asked for.
struct SavedImage {
  ImagePtr image;
  std::vector<ImageReference> names;
};

/// Each name is an image's name, the name of a repository, which means all its tags, or an id. An
/// image stands in the result once. Throws as ImageStore::find() does.
std::vector<SavedImage> find_saved(const ImageStore& store, const std::vector<std::string>& names);

struct SaveContext {
  asio::any_io_executor control;
  BlockingPool& fast;
  storage::Driver& storage;
  const ImageStore& store;
};

/// `begin` is awaited before the first piece. Throws Error: kNotImplemented for a layer whose
/// archive cannot be made again.
Task<> save(SaveContext context, std::vector<SavedImage> images, std::function<Task<>()> begin,
            PieceSink sink);

}  // namespace berth::image
