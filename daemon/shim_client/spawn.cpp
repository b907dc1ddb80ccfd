#include "daemon/shim_client/spawn.hpp"

#include <array>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/scope_guard.hpp"
#include "daemon/shim/protocol.hpp"

namespace berth::shim {

namespace {

/// The address of `name` in the folder open at `folder`: a path of any length fits, since the
/// kernel looks it up through the descriptor.
sockaddr_un socket_address(int folder, const std::string& name) {
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw Error(ErrorKind::kInternal, "the socket's name is too long: " + name);
  }
  path.copy(address.sun_path, path.size());
  return address;
}

Fd listen_in(int folder, const std::string& name) {
  Fd socket = own_fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket");
  ::unlinkat(folder, name.c_str(), 0);
  const sockaddr_un address = socket_address(folder, name);
  check_errno(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              "bind", name);
  check_errno(::listen(socket.get(), 4), "listen", name);
  return socket;
}

class FileActions {
 public:
  FileActions() {
    check(::posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init");
  }
  ~FileActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;

  void duplicate(int from, int to) {
    check(::posix_spawn_file_actions_adddup2(&actions_, from, to),
          "posix_spawn_file_actions_adddup2");
  }
  posix_spawn_file_actions_t* get() { return &actions_; }

  static void check(int error, const char* call) {
    if (error != 0) throw_errno(call, "", error);
  }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// No signal is blocked in the new program, whatever the calling thread blocks.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    FileActions::check(::posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
    sigset_t none;
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes_, &none);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

/// Descriptors at numbers that the fixed ones cannot overwrite while they are put in place.
Fd lift(int descriptor, int above) {
  return own_fd(::fcntl(descriptor, F_DUPFD_CLOEXEC, above), "fcntl", "F_DUPFD_CLOEXEC");
}

pid_t run_program(int program, const std::string& id, const std::vector<int>& descriptors) {
  const int above = kControlFd + static_cast<int>(descriptors.size()) + 1;
  std::vector<Fd> lifted;
  FileActions actions;
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    lifted.push_back(lift(descriptors[i], above));
    actions.duplicate(lifted.back().get(), kControlFd + static_cast<int>(i));
  }
  const Fd executable = lift(program, above);
  // Executed by its descriptor: what is at the path by now does not matter. Close-on-exec takes
  // effect after the kernel has resolved it.
  const std::string path = "/proc/self/fd/" + std::to_string(executable.get());
  std::string name = "berth-shim";
  std::string argument = id;
  std::array<char*, 3> arguments{name.data(), argument.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  const SpawnAttributes attributes;
  pid_t pid = -1;
  FileActions::check(::posix_spawn(&pid, path.c_str(), actions.get(), attributes.get(),
                                   arguments.data(), environment.data()),
                     "posix_spawn berth-shim");
  return pid;
}

}  // namespace

Fd sealed_file(const char* name, std::string_view content) {
  Fd file = own_fd(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create", name);
  write_all(file.get(), content, name);
  check_errno(::lseek(file.get(), 0, SEEK_SET), "lseek", name);
  check_errno(
      ::fcntl(file.get(), F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE),
      "fcntl", "F_ADD_SEALS");
  return file;
}

Spawned spawn(LaunchRequest& request) {
  const std::string& id = request.id.str();
  const Fd folder = open_file(request.container_folder, O_RDONLY | O_DIRECTORY);
  const Fd sockets = open_file(request.socket_folder, O_RDONLY | O_DIRECTORY);
  const Fd document = sealed_file("launch-document", request.document);
  const Fd filter =
      sealed_file("seccomp-filter", {reinterpret_cast<const char*>(request.seccomp_filter.data()),
                                     request.seccomp_filter.size()});
  SocketPair control = make_socket_pair(SOCK_SEQPACKET);
  const Fd listener = listen_in(sockets.get(), id);
  ScopeGuard unname([&] { ::unlinkat(sockets.get(), id.c_str(), 0); });
  std::vector<int> descriptors = {control.second.get(), listener.get(), document.get(),
                                  folder.get(),         sockets.get(),  filter.get()};
  for (const Fd& socket : request.listeners)
    descriptors.push_back(socket.get());
  const pid_t pid = run_program(request.program, id, descriptors);
  // Ours until it is reaped, so the number cannot mean another process.
  Fd process = own_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)), "pidfd_open");
  set_nonblocking(control.first.get(), true);
  unname.release();
  return {std::move(control.first), std::move(process)};
}

Fd connect_to(const std::filesystem::path& path) {
  const Fd folder = open_file(path.parent_path(), O_RDONLY | O_DIRECTORY);
  Fd socket = own_fd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  const sockaddr_un address = socket_address(folder.get(), path.filename().native());
  check_errno(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              "connect", path.native());
  return socket;
}

}  // namespace berth::shim
