#include "client/commands/creation.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/fields.hpp"
#include "client/commands/pull_image.hpp"
#include "client/terminal/terminal.hpp"
#include "common/file.hpp"
#include "common/scope_guard.hpp"

namespace berth::client {

namespace {

void check_pull_policy(const std::string& policy) {
  if (policy != "always" && policy != "missing" && policy != "never" &&
      policy != "if_not_present") {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid pull option \"" + policy + "\": expected always, missing or never");
  }
}

/// The file is made before the container, so that a second run with it fails early.
Fd open_cid_file(const std::string& path) {
  if (path.empty()) return {};
  try {
    return open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0644);
  } catch (const Error& error) {
    if (error.system_error() != EEXIST) throw;
    throw Error(ErrorKind::kConflict,
                "container ID file found, make sure the other container "
                "isn't running or delete " +
                    path);
  }
}

bool is_missing_image(const ApiError& error) {
  return error.kind() == ErrorKind::kNotFound &&
         std::string_view(error.what()).find("No such image") != std::string_view::npos;
}

api::CreateResponse post_create(Client& client, const ContainerFlags& flags,
                                const std::string& body) {
  const std::string target =
      "/containers/create" + query_string({{"name", flags.name}, {"platform", flags.platform}});
  return api::from_text<api::CreateResponse>(client.call("POST", target, body));
}

api::CreateResponse create_or_pull(Client& client, const ContainerFlags& flags,
                                   const std::string& body) {
  ImageName image = split_image_name(flags.image);
  if (image.tag.empty()) image.tag = "latest";
  if (flags.pull == "always") {
    pull_image(client, image, flags.platform, STDERR_FILENO, flags.quiet);
    return post_create(client, flags, body);
  }
  try {
    return post_create(client, flags, body);
  } catch (const ApiError& error) {
    if (!is_missing_image(error) || flags.pull == "never") throw;
  }
  if (!flags.quiet) print_error("Unable to find image '" + image.text() + "' locally\n");
  pull_image(client, image, flags.platform, STDERR_FILENO, flags.quiet);
  return post_create(client, flags, body);
}

}  // namespace

void parse_container_flags(CommandLine& line, const Arguments& arguments, ContainerFlags& flags) {
  add_container_flags(line.flags(), flags);
  line.stop_at_first_argument();
  Arguments rest = line.parse(arguments, 1);
  flags.init_given = line.flags().count("--init") > 0;
  flags.entrypoint_given = line.flags().count("--entrypoint") > 0;
  flags.image = rest.front();
  flags.command.assign(rest.begin() + 1, rest.end());
  check_pull_policy(flags.pull);
}

std::string create_container(Client& client, const ContainerFlags& flags,
                             const api::CreateRequest& request) {
  const Fd cid_file = open_cid_file(flags.cid_file);
  ScopeGuard remove_file([&] {
    if (cid_file) ::unlink(flags.cid_file.c_str());
  });
  api::CreateRequest body = request;
  if (const auto size = window_size(STDOUT_FILENO)) {
    body.host_config.console_size = {size->rows, size->columns};
  }
  const api::CreateResponse response = create_or_pull(client, flags, api::to_text(body));
  if (cid_file) write_all(cid_file.get(), response.id, flags.cid_file);
  remove_file.release();
  for (const std::string& warning : response.warnings)
    print_error("WARNING: " + warning + "\n");
  return response.id;
}

int report_failure(const std::string& command, const Error& error) {
  constexpr int kDaemonFailed = 125;
  constexpr int kCannotRun = 126;
  constexpr int kNotFound = 127;
  if (const auto code = quiet_exit_code(error)) return *code;
  const std::string message = error.what();
  print_error("berth: " + message + "\n\nRun 'berth " + command +
              " --help' for more information\n");
  const auto says = [&](std::string_view text) { return message.find(text) != message.npos; };
  if (dynamic_cast<const ApiError*>(&error) == nullptr) return kDaemonFailed;
  if (says("executable file not found") || says("no such file or directory")) return kNotFound;
  if (says("permission denied") || says("is a directory")) return kCannotRun;
  return kDaemonFailed;
}

}  // namespace berth::client
