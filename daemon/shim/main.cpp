// berth-shim: the parent of one container. Started by berthd alone; see protocol.hpp for what it is
// given.
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "daemon/runtime/user_namespace.hpp"
#include "daemon/shim/memory.hpp"
#include "daemon/shim/supervisor.hpp"

namespace {

/// Nothing that is meant for the daemon's session or terminal may end a container, and nobody who
/// waits for the end of the daemon's output may wait for the container's.
void leave_the_daemon() {
  ::setsid();
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
    ::signal(signal, SIG_IGN);
  }
  ::umask(0022);
  if (::chdir("/") != 0) berth::throw_errno("chdir", "/");
  const berth::Fd nothing =
      berth::own_fd(::open("/dev/null", O_RDWR | O_CLOEXEC), "open", "/dev/null");
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    berth::check_errno(::dup2(nothing.get(), stream), "dup2");
  // What the daemon passed came without the flag, which dup2(2) clears.
  ::close_range(berth::shim::kControlFd, ~0U, CLOSE_RANGE_CLOEXEC);
}

/// As people see it in ps: the name, and the id as short as everywhere.
void show_name(char* id) {
  ::prctl(PR_SET_NAME, "berth-shim");
  const std::size_t shown = berth::short_id(id).size();
  std::memset(id + shown, 0, std::strlen(id) - shown);
}

/// The daemon asks once, when it is told to use user namespaces.
int check_user_namespaces(const char* folder) {
  try {
    berth::runtime::check_id_mapped_mounts(folder);
    return 0;
  } catch (const std::exception& error) {
    std::fputs(error.what(), stderr);
    return 1;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "check-user-namespaces") == 0)
    return check_user_namespaces(argv[2]);
  if (argc != 2 || !berth::is_full_id(argv[1])) {
    std::fputs("berth-shim is started by berthd, with a container's id\n", stderr);
    return 2;
  }
  berth::shim::keep_memory_small();
  const std::string id = argv[1];
  try {
    show_name(argv[1]);
    leave_the_daemon();
    berth::shim::Supervisor supervisor(id);
    supervisor.run();
    return 0;
  } catch (const std::exception& error) {
    // Heard as long as the daemon's end is open; it closes the start by itself otherwise.
    try {
      berth::shim::send_message(berth::shim::kControlFd, "failed",
                                {{"message", error.what()}, {"exit_code", 125}});
    } catch (const std::exception&) {
      return 2;
    }
    return 1;
  }
}
