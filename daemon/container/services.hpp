// What the operations of this room work with. Built and owned by the App; outlives every operation.
#pragma once

#include "daemon/async/gate.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/container/exec.hpp"
#include "daemon/container/index.hpp"
#include "daemon/container/settings.hpp"
#include "daemon/container/store.hpp"
#include "daemon/event/bus.hpp"
#include "daemon/image/service.hpp"
#include "daemon/network/catalog.hpp"
#include "daemon/network/service.hpp"
#include "daemon/storage/driver.hpp"
#include "daemon/volume/service.hpp"

namespace berth::container {

struct Services {
  asio::any_io_executor control;
  BlockingPool& fast;
  BlockingPool& bulk;
  Gate& tasks;
  Store& store;
  image::ImageService& images;
  storage::Driver& storage;
  network::NetworkService& network;
  network::Catalog& networks;
  volume::VolumeService& volumes;
  event::Bus& events;
  Settings settings;
  Fd shim_program;  // berth-shim, open for execution (runtime::seal_executable)
  Index index{};
  bool pruning = false;  // one prune at a time
  ExecIndex execs{};
  /// seccomp filters by what they depend on: profile and capabilities.
  std::map<std::string, std::vector<std::byte>> seccomp_filters{};
};

}  // namespace berth::container
