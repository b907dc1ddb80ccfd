// The daemon: owns the threads and services, starts them in order and stops them in reverse.
#pragma once

#include <memory>

#include "daemon/config.hpp"

namespace berth {

class App {
 public:
  /// Opens what the configuration names. Throws Error: the data root is in use, a socket cannot be
  /// opened, the storage driver does not work there, ...
  explicit App(Config config);
  ~App();
  App(const App&) = delete;
  App& operator=(const App&) = delete;

  /// Serves until SIGTERM or SIGINT. Containers go on.
  void run();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth
