// PID 1 of the container as the supervisor knows it, whoever made it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/runtime/launch.hpp"

namespace berth::shim {

/// Destroyed before it was released: kills and reaps it and takes away what was made for it.
class ContainerProcess {
 public:
  ContainerProcess() = default;
  virtual ~ContainerProcess() = default;
  ContainerProcess(const ContainerProcess&) = delete;
  ContainerProcess& operator=(const ContainerProcess&) = delete;

  virtual pid_t pid() const noexcept = 0;
  virtual int pidfd() const noexcept = 0;
  /// The pty's master end; empty without a terminal, or when it was taken.
  virtual Fd& terminal() noexcept = 0;
  /// Null without cgroups.
  virtual const std::shared_ptr<runtime::Cgroup>& cgroup() const noexcept = 0;
  virtual const std::vector<std::string>& warnings() const noexcept = 0;
  /// Lets it go on to its program; returns when that runs (empty), or why it does not.
  virtual std::optional<runtime::LaunchFailure> release() = 0;
  /// After its end was seen: takes away what is kept for it outside of its cgroups.
  virtual void clean_up() noexcept {}
};

/// The engine's own way: runtime::launch_init().
class NativeProcess : public ContainerProcess {
 public:
  explicit NativeProcess(runtime::InitProcess init) : init_(std::move(init)) {}

  pid_t pid() const noexcept override { return init_.pid(); }
  int pidfd() const noexcept override { return init_.pidfd(); }
  Fd& terminal() noexcept override { return init_.terminal(); }
  const std::shared_ptr<runtime::Cgroup>& cgroup() const noexcept override {
    return init_.cgroup();
  }
  const std::vector<std::string>& warnings() const noexcept override { return init_.warnings(); }
  std::optional<runtime::LaunchFailure> release() override { return init_.release(); }

 private:
  runtime::InitProcess init_;
};

}  // namespace berth::shim
