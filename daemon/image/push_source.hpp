// Where pushed images come from: the image store as the registry room sees it.
#pragma once

#include "daemon/image/service.hpp"
#include "daemon/registry/push_source.hpp"

namespace berth::image {

/// What a push works with; all must outlive every push.
struct PushContext {
  asio::any_io_executor control;
  BlockingPool& fast;
  ImageService& images;
  storage::Driver& storage;
};

registry::PushSourceFactory push_sources(PushContext context);

}  // namespace berth::image
