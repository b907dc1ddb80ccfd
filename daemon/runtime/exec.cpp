#include "daemon/runtime/exec.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

constexpr int kNotFound = 127;
constexpr int kNotExecutable = 126;

/// 0, or why this file cannot be executed.
int check_program(const char* path) {
  struct stat status{};
  if (::stat(path, &status) != 0) return errno;
  if (!S_ISREG(status.st_mode)) return EACCES;
  return ::faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

bool find_in_path(const InitPlan& plan, std::string_view name, FixedText<PATH_MAX>& found) {
  std::string_view rest = plan.search_path;
  while (!name.empty() && !rest.empty()) {
    const std::size_t colon = rest.find(':');
    const std::string_view folder = rest.substr(0, colon);
    rest = colon == std::string_view::npos ? std::string_view() : rest.substr(colon + 1);
    // An empty or relative entry would execute out of the working directory.
    if (!folder.starts_with('/')) continue;
    const FixedText<PATH_MAX> candidate{folder, "/", name};
    if (candidate.truncated() || check_program(candidate.c_str()) != 0) continue;
    found = candidate;
    return true;
  }
  return false;
}

int refuse(Report& report, std::initializer_list<std::string_view> words, int error,
           int exit_code) {
  report.fail_in_words(words, error, exit_code);
  return exit_code;
}

int refuse_program(Report& report, std::string_view name, int error) {
  const auto words = error_words(error);
  if (error == ENOENT || error == ENOTDIR) {
    return refuse(report, {"exec: \"", name, "\": stat ", name, ": ", words.view()}, error,
                  kNotFound);
  }
  return refuse(report, {"exec: \"", name, "\": ", words.view()}, error, kNotExecutable);
}

}  // namespace

bool enter_working_directory(const InitPlan& plan, Report& report) {
  report.enter(Stage::kWorkingDirectory);
  const std::string& cwd = plan.spec->process.cwd;
  if (::chdir(cwd.c_str()) != 0) return report.fail("chdir to cwd", cwd);
  // getcwd(2) writes a path that does not start with "/" when the directory is outside the root.
  std::array<char, PATH_MAX> path{};
  const long length = ::syscall(SYS_getcwd, path.data(), path.size());
  if (length < 0 && errno != ERANGE) return report.fail("cwd", cwd);
  if (length >= 0 && path[0] != '/') {
    return report.fail_in_words({"cwd \"", cwd, "\" is outside of the container's root"}, EXDEV);
  }
  return true;
}

int execute(const InitPlan& plan, Report& report) {
  report.enter(Stage::kExec);
  const std::string_view name = plan.spec->process.args.front();
  FixedText<PATH_MAX> path;
  if (name.find('/') != std::string_view::npos) {
    path.append(name);
    if (path.truncated()) return refuse_program(report, name, ENAMETOOLONG);
    if (const int error = check_program(path.c_str()); error != 0)
      return refuse_program(report, name, error);
  } else if (!find_in_path(plan, name, path)) {
    return refuse(report, {"exec: \"", name, "\": executable file not found in $PATH"}, ENOENT,
                  kNotFound);
  }
  ::execve(path.c_str(), plan.arguments.data(), plan.environment.data());
  const int error = errno;
  const auto words = error_words(error);
  // The file is there, so it is its interpreter that is not.
  const int exit_code = error == ENOENT ? kNotFound : kNotExecutable;
  return refuse(report, {"exec: \"", name, "\": ", words.view()}, error, exit_code);
}

}  // namespace berth::runtime
