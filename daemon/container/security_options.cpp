#include "daemon/container/security_options.hpp"

#include "common/error.hpp"

namespace berth::container {

namespace {

bool parse_flag(const std::string& option, std::string_view value) {
  if (value.empty() || value == "true") return true;
  if (value == "false") return false;
  throw Error(ErrorKind::kInvalidArgument,
              "invalid --security-opt: \"" + option + "\": must be true or false");
}

}  // namespace

SecurityOptions parse_security_options(const std::vector<std::string>& options) {
  SecurityOptions parsed;
  for (const std::string& option : options) {
    // Old clients write "key:value"; the value of a seccomp profile is JSON and full of colons.
    const std::size_t at = option.find_first_of("=:");
    const std::string key = option.substr(0, at);
    const std::string value = at == std::string::npos ? "" : option.substr(at + 1);
    if (key == "no-new-privileges") {
      parsed.no_new_privileges = parse_flag(option, value);
    } else if (key == "seccomp" && value == "unconfined") {
      parsed.seccomp_unconfined = true;
    } else if (key == "seccomp" && value == "builtin") {
      parsed.seccomp_builtin = true;
    } else if (key == "seccomp" && !value.empty()) {
      parsed.seccomp_profile = value;
    } else if (key == "apparmor" && !value.empty()) {
      parsed.apparmor_profile = value;
    } else if (key == "systempaths" && value == "unconfined") {
      parsed.system_paths_unconfined = true;
    } else if (key != "label" || value.empty()) {
      throw Error(ErrorKind::kInvalidArgument, "invalid --security-opt 2: \"" + option + "\"");
    }
  }
  return parsed;
}

}  // namespace berth::container
