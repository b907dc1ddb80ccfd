// berthd
#include <cstdio>
#include <exception>

#include <malloc.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "common/log/log.hpp"
#include "daemon/app.hpp"

int main(int argc, char** argv) {
  // A thread's own arena keeps what it once needed; two shared ones keep the daemon small.
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_TRIM_THRESHOLD, 128 * 1024);
  // A pipe whose reader left is an error of that write, not the daemon's end.
  ::signal(SIGPIPE, SIG_IGN);
  try {
    berth::Config config = berth::read_config(argc, argv);
    if (config.validate_only) {
      std::puts("configuration OK");
      return 0;
    }
    berth::log::init(config.log_level);
    berth::App app(std::move(config));
    app.run();
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berthd: %s\n", error.what());
    return 1;
  }
}
