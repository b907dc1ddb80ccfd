// PID 1 made by an OCI runtime of somebody else's (crun, runc), through the command line that these
// share: create, start, delete (opencontainers/runtime-tools, docs/command-line-interface.md).
#pragma once

#include <string>
#include <string_view>

#include "daemon/shim/container_process.hpp"

namespace berth::shim {

class OciProcess : public ContainerProcess {
 public:
  /// Writes the bundle into the container's folder and has the runtime create the container. `text`
  /// is the launch document that `document` was read from. The process must be single-threaded; it
  /// becomes a child subreaper. Throws runtime::LaunchError.
  OciProcess(const runtime::LaunchDocument& document, std::string_view text, int folder,
             int sockets, const runtime::LaunchOptions& options);
  ~OciProcess() override;

  pid_t pid() const noexcept override { return pid_; }
  int pidfd() const noexcept override { return pidfd_.get(); }
  Fd& terminal() noexcept override { return terminal_; }
  const std::shared_ptr<runtime::Cgroup>& cgroup() const noexcept override { return cgroup_; }
  const std::vector<std::string>& warnings() const noexcept override { return warnings_; }
  std::optional<runtime::LaunchFailure> release() override;
  void clean_up() noexcept override;

 private:
  void write_bundle(const runtime::LaunchDocument& document, std::string_view text);
  void create(const runtime::LaunchDocument& document, const runtime::LaunchOptions& options,
              int sockets);
  void adopt();
  /// Runs one command of the runtime's; returns what went wrong, in its own words.
  std::optional<std::string> run(std::vector<std::string> arguments,
                                 const runtime::LaunchOptions* stdio = nullptr);
  std::string log_message() const;

  runtime::OciRuntimeSettings settings_;
  std::string id_;
  std::string bundle_;  // its folder
  pid_t pid_ = -1;
  Fd pidfd_;
  Fd terminal_;
  std::shared_ptr<runtime::Cgroup> cgroup_;
  std::vector<std::string> warnings_;
  bool released_ = false;
  bool cleaned_up_ = false;
};

}  // namespace berth::shim
