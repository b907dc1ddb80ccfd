// berth-init: the first process of a container that asked for one (HostConfig.Init). It starts the
// program, passes signals on to it, reaps whatever is orphaned, and ends as the program does. The
// kernel spares PID 1 every signal that it has no handler for, and gives it every orphan: programs
// that were not written for that stay deaf, and gather zombies.
//
//   berth-init -- PROGRAM [ARGUMENT...]
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr int kUsage = 2;
constexpr int kFailed = 125;
constexpr int kNotExecutable = 126;
constexpr int kNotFound = 127;
constexpr int kSignalBase = 128;

int complain(const char* what, const char* object, int exit_code) {
  std::fprintf(stderr, "berth-init: %s %s: %s\n", what, object, strerrordesc_np(errno));
  return exit_code;
}

/// Everything that can wait; the faults of this very process cannot.
sigset_t passed_on() {
  sigset_t signals;
  ::sigfillset(&signals);
  for (const int fault :
       {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS, SIGTTIN, SIGTTOU}) {
    ::sigdelset(&signals, fault);
  }
  return signals;
}

/// In the child. A program at a terminal has to be in its foreground to read from it.
int run_program(char** arguments, const sigset_t& original) {
  if (::setpgid(0, 0) != 0) return complain("setpgid", arguments[0], kFailed);
  ::signal(SIGTTOU, SIG_IGN);
  if (::tcsetpgrp(STDIN_FILENO, ::getpgrp()) != 0 && errno != ENOTTY && errno != EBADF &&
      errno != ENXIO) {
    return complain("tcsetpgrp", arguments[0], kFailed);
  }
  ::signal(SIGTTOU, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &original, nullptr);
  ::execvp(arguments[0], arguments);
  return complain("exec", arguments[0], errno == ENOENT ? kNotFound : kNotExecutable);
}

/// Reaps all that can be reaped; the exit code once the program itself was among it.
std::optional<int> reap(pid_t program) {
  std::optional<int> exit_code;
  for (;;) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, WNOHANG);
    if (ended <= 0) return exit_code;
    if (ended != program) continue;
    exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : kSignalBase + WTERMSIG(status);
  }
}

int supervise(pid_t program, const sigset_t& signals) {
  for (;;) {
    siginfo_t info{};
    if (::sigwaitinfo(&signals, &info) < 0) {
      if (errno == EINTR) continue;
      return complain("sigwaitinfo", "", kFailed);
    }
    if (info.si_signo != SIGCHLD) {
      ::kill(program, info.si_signo);
    } else if (const auto exit_code = reap(program)) {
      return *exit_code;
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3 || std::strcmp(argv[1], "--") != 0) {
    std::fputs("usage: berth-init -- PROGRAM [ARGUMENT...]\n", stderr);
    return kUsage;
  }
  const sigset_t signals = passed_on();
  sigset_t original;
  if (::sigprocmask(SIG_SETMASK, &signals, &original) != 0)
    return complain("sigprocmask", "", kFailed);
  const pid_t program = ::fork();
  if (program < 0) return complain("fork", argv[2], kFailed);
  if (program == 0) return run_program(argv + 2, original);
  return supervise(program, signals);
}
