// PID 1 brought back from a checkpoint by the program criu (criu(8)).
#pragma once

#include <string>
#include <vector>

#include "daemon/shim/container_process.hpp"

namespace berth::shim {

class RestoredProcess : public ContainerProcess {
 public:
  /// Makes what the container finds when it comes back: control groups, its network namespace and
  /// its root. `folder` is the container's. The process must be single-threaded; it stays in a
  /// mount namespace of its own. Throws runtime::LaunchError.
  RestoredProcess(const runtime::LaunchDocument& document, int folder,
                  const runtime::LaunchOptions& options);
  ~RestoredProcess() override;

  /// Negative before release(): nobody is there yet.
  pid_t pid() const noexcept override { return pid_; }
  int pidfd() const noexcept override { return pidfd_.get(); }
  /// A container with a terminal cannot be checkpointed.
  Fd& terminal() noexcept override { return no_terminal_; }
  const std::shared_ptr<runtime::Cgroup>& cgroup() const noexcept override { return cgroup_; }
  const std::vector<std::string>& warnings() const noexcept override { return warnings_; }
  std::optional<runtime::LaunchFailure> release() override;
  void clean_up() noexcept override;

 private:
  void make_cgroup(const runtime::LaunchDocument& document);
  void make_network(const runtime::LaunchDocument& document);
  void keep_streams(const std::vector<std::string>& names, const runtime::LaunchOptions& options);
  void name_mounts(const runtime::LaunchDocument& document);
  void run_criu();
  void give_up_restore() noexcept;

  std::string program_;
  std::string work_;  // a folder for criu's own files, in the container's
  std::vector<std::string> arguments_;
  std::vector<Fd> inherited_;  // descriptors that criu gives to the container
  bool own_cgroup_namespace_ = false;
  runtime::Resources device_rules_;
  Fd network_;
  pid_t pid_ = -1;
  Fd pidfd_;
  Fd no_terminal_;
  std::shared_ptr<runtime::Cgroup> cgroup_;
  std::vector<std::string> warnings_;
  bool released_ = false;
};

}  // namespace berth::shim
