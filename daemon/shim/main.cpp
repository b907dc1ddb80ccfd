// berth-shim: the parent of one container. Started by berthd alone; see protocol.hpp for what it is
// given.
#include <cstdio>
#include <exception>
#include <string>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "daemon/shim/supervisor.hpp"

namespace {

/// Nothing that is meant for the daemon's session or terminal may end a container.
void leave_the_daemon() {
  ::setsid();
  for (const int signal : {SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2}) {
    ::signal(signal, SIG_IGN);
  }
  ::prctl(PR_SET_NAME, "berth-shim");
  ::umask(0022);
  if (::chdir("/") != 0) berth::throw_errno("chdir", "/");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 || !berth::is_full_id(argv[1])) {
    std::fputs("berth-shim is started by berthd, with a container's id\n", stderr);
    return 2;
  }
  const std::string id = argv[1];
  try {
    leave_the_daemon();
    berth::shim::Supervisor supervisor(id);
    supervisor.run();
    return 0;
  } catch (const std::exception& error) {
    const std::string line =
        "berth-shim " + std::string(berth::short_id(id)) + ": " + error.what() + "\n";
    std::fputs(line.c_str(), stderr);
    return 1;
  }
}
