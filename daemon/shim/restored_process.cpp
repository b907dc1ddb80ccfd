#include "daemon/shim/restored_process.hpp"

#include <algorithm>
#include <array>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/scope_guard.hpp"
#include "common/text.hpp"
#include "daemon/runtime/bundle.hpp"
#include "daemon/runtime/criu.hpp"
#include "daemon/runtime/in_root.hpp"
#include "daemon/runtime/namespaces.hpp"
#include "daemon/runtime/process_steps.hpp"

namespace berth::shim {

namespace {

using runtime::LaunchError;
using runtime::LaunchFailure;
using runtime::Stage;

constexpr std::chrono::minutes kRestoreLimit{10};

[[noreturn]] void give_up(std::string message, Stage stage = Stage::kExec) {
  throw LaunchError(ErrorKind::kInternal, LaunchFailure{stage, std::move(message), 0, 125});
}

std::string path_of(int descriptor) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).native();
}

bool is_bind(const runtime::Mount& mount) {
  return mount.type == "bind" ||
         std::any_of(mount.options.begin(), mount.options.end(),
                     [](const std::string& option) { return option.ends_with("bind"); });
}

/// Whether a mount lies on another of the container's: criu makes that place with its file system.
bool lies_on_another(const runtime::Mount& mount, const std::vector<runtime::Mount>& mounts) {
  return std::any_of(mounts.begin(), mounts.end(), [&](const runtime::Mount& other) {
    return mount.destination.starts_with(other.destination + "/");
  });
}

/// criu mounts on what is there, and a container of the same image may come back that never ran.
void make_mount_points(const runtime::Spec& spec, const std::string& root) {
  const Fd folder = open_file(root, O_PATH | O_DIRECTORY);
  for (const runtime::Mount& mount : spec.mounts) {
    if (lies_on_another(mount, spec.mounts)) continue;
    const bool file = is_bind(mount) && !std::filesystem::is_directory(mount.source);
    const Fd place =
        runtime::open_or_make(folder.get(), mount.destination,
                              file ? runtime::Target::kFile : runtime::Target::kDirectory);
    if (!place) throw_errno("cannot make the mount point", mount.destination);
  }
}

}  // namespace

RestoredProcess::RestoredProcess(const runtime::LaunchDocument& document, int folder,
                                 const runtime::LaunchOptions& options)
    : program_(document.restore->program), work_(path_of(folder) + "/restore") {
  ScopeGuard undo([this] { give_up_restore(); });
  try {
    std::filesystem::remove_all(work_);
    check_errno(::mkdir(work_.c_str(), 0700), "mkdir", work_);
    arguments_ = {program_, "restore", "--images-dir", document.restore->images, "--work-dir",
                  work_, "--log-file", "restore.log", "-v2", "--pidfile", work_ + "/pid",
                  // PID 1 becomes this process's child, and goes when it goes.
                  "--restore-detached", "--restore-sibling", "--manage-cgroups=ignore",
                  "--tcp-established", "--ext-unix-sk", "--file-locks", "--link-remap"};
    make_cgroup(document);
    make_network(document);
    if (options.on_namespaces) options.on_namespaces(0, network_.get());
    keep_streams(document.restore->streams, options);
    const std::string root = runtime::prepare_bundle(document).root;
    make_mount_points(document.oci, root);
    arguments_.insert(arguments_.end(), {"--root", root});
    name_mounts(document);
  } catch (const LaunchError&) {
    throw;
  } catch (const std::exception& error) {
    give_up(error.what(), Stage::kNamespaces);
  }
  undo.release();
}

RestoredProcess::~RestoredProcess() {
  if (!released_) give_up_restore();
}

void RestoredProcess::make_cgroup(const runtime::LaunchDocument& document) {
  auto layout = runtime::detect_cgroups();
  if (document.oci.cgroups_path.empty() || layout->mode == runtime::CgroupLayout::Mode::kNone)
    return;
  const bool v2 = layout->mode == runtime::CgroupLayout::Mode::kV2;
  own_cgroup_namespace_ = document.oci.has_new_namespace(runtime::NamespaceKind::kCgroup);
  cgroup_ = std::make_shared<runtime::Cgroup>(std::move(layout), document.oci.cgroups_path);
  runtime::Resources resources = document.oci.resources;
  // criu makes the container's device nodes while it is inside.
  if (v2) std::swap(device_rules_.devices, resources.devices);
  warnings_ = cgroup_->create(resources);
}

void RestoredProcess::make_network(const runtime::LaunchDocument& document) {
  if (!document.oci.has_new_namespace(runtime::NamespaceKind::kNetwork)) {
    network_ = open_file("/proc/self/ns/net", O_RDONLY);
    return;
  }
  network_ = runtime::make_network_namespace(document.oci);
  arguments_.insert(arguments_.end(), {"--inherit-fd", "fd[" + std::to_string(network_.get()) +
                                                           "]:" + runtime::kCriuNetwork});
}

/// The new pipes stand in for those that the checkpoint knew.
void RestoredProcess::keep_streams(const std::vector<std::string>& names,
                                   const runtime::LaunchOptions& options) {
  const std::array ends{options.standard_input, options.standard_output, options.standard_error};
  for (std::size_t i = 0; i < ends.size() && i < names.size(); ++i) {
    if (ends.at(i) < 0 || names[i].empty()) continue;
    // criu closes each when it has taken it.
    inherited_.push_back(
        own_fd(::fcntl(ends.at(i), F_DUPFD_CLOEXEC, 3), "fcntl", "F_DUPFD_CLOEXEC"));
    arguments_.insert(
        arguments_.end(),
        {"--inherit-fd", "fd[" + std::to_string(inherited_.back().get()) + "]:" + names[i]});
  }
}

void RestoredProcess::name_mounts(const runtime::LaunchDocument& document) {
  const auto name = [&](const std::string& destination, const std::string& source) {
    arguments_.insert(arguments_.end(), {"--external", "mnt[" + destination + "]:" + source});
  };
  for (const runtime::Mount& mount : document.oci.mounts)
    if (is_bind(mount)) name(mount.destination, mount.source);
  for (const std::string& masked : document.restore->masked_files)
    name(masked, "/dev/null");
}

std::optional<LaunchFailure> RestoredProcess::release() {
  try {
    run_criu();
    const std::string text = read_file(work_ + "/pid");
    const auto number = parse_number<pid_t>(trim(text));
    if (!number) give_up("criu wrote no process id but \"" + text + "\"");
    pid_ = *number;
    pidfd_ = own_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
    if (cgroup_ && !device_rules_.devices.empty()) {
      for (std::string& warning : cgroup_->update(device_rules_))
        warnings_.push_back(std::move(warning));
    }
  } catch (const std::exception& error) {
    give_up_restore();
    return LaunchFailure{Stage::kExec, error.what(), 0, 125};
  }
  released_ = true;
  inherited_.clear();
  network_.reset();
  return std::nullopt;
}

/// In the container's control groups and, as their root, its cgroup namespace: what criu makes is
/// born there.
void RestoredProcess::run_criu() {
  const Fd output = open_file(work_ + "/output", O_WRONLY | O_CREAT | O_TRUNC, 0600);
  const Fd input = open_file("/dev/null", O_RDONLY);
  const Pipe go = make_pipe();
  std::vector<char*> arguments;
  for (std::string& argument : arguments_)
    arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  check_errno(child, "fork");
  if (child == 0) {
    runtime::reset_signals();
    char word = 0;
    const bool ready = ::read(go.read.get(), &word, 1) == 1 &&
                       (!own_cgroup_namespace_ || ::unshare(CLONE_NEWCGROUP) == 0) &&
                       ::dup2(input.get(), STDIN_FILENO) >= 0 &&
                       ::dup2(output.get(), STDOUT_FILENO) >= 0 &&
                       ::dup2(output.get(), STDERR_FILENO) >= 0;
    ::fcntl(network_.get(), F_SETFD, 0);
    for (const Fd& fd : inherited_)
      ::fcntl(fd.get(), F_SETFD, 0);
    if (ready) ::execv(program_.c_str(), arguments.data());
    ::_exit(127);
  }
  const Fd criu = own_fd(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)), "pidfd_open");
  siginfo_t end{};
  ScopeGuard reap([&] {
    ::syscall(SYS_pidfd_send_signal, criu.get(), SIGKILL, nullptr, 0);
    (void)::waitid(P_PIDFD, static_cast<id_t>(criu.get()), &end, WEXITED);
  });
  if (cgroup_) cgroup_->add(child);
  write_all(go.write.get(), "g", "criu");
  pollfd waiting{criu.get(), POLLIN, 0};
  const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(kRestoreLimit).count();
  if (::poll(&waiting, 1, static_cast<int>(limit)) != 1) give_up("criu did not end in time");
  reap.release();
  check_errno(::waitid(P_PIDFD, static_cast<id_t>(criu.get()), &end, WEXITED), "waitid");
  if (end.si_code != CLD_EXITED || end.si_status != 0)
    give_up("criu restore: " + runtime::last_criu_error(work_ + "/restore.log"));
}

void RestoredProcess::give_up_restore() noexcept {
  try {
    if (cgroup_) {
      cgroup_->kill_all();
      if (pidfd_) (void)::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), nullptr, WEXITED);
      (void)cgroup_->remove();
    }
  } catch (const std::exception&) {
    // The daemon's recovery looks for groups without a container.
  }
}

void RestoredProcess::clean_up() noexcept {
  std::error_code ignored;
  std::filesystem::remove_all(work_, ignored);
}

}  // namespace berth::shim
