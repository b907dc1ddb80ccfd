// POST /images/load
#pragma once

#include "daemon/image/importer.hpp"
#include "daemon/image/store.hpp"

namespace berth::image {

struct LoadContext {
  asio::any_io_executor control;
  BlockingPool& bulk;
  storage::Driver& storage;
  ImageImporter& importer;
  const std::filesystem::path& spool_folder;
};

/// What a load did with one image.
using LoadedSink = std::function<void(const ImportedImage& image)>;

/// Loads every image of the archive, one after the other, each as a whole or not at all; a failure
/// ends the load and keeps the images before it. Progress as dockerd streams it. Throws Error.
Task<> load(LoadContext context, Fd archive, bool quiet, ProgressSink progress, LoadedSink loaded);

}  // namespace berth::image
