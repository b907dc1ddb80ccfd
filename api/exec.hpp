// Sessions: further programs in a container that runs.
#pragma once

#include <array>
#include <optional>

#include "api/field.hpp"

namespace berth::api {

using ConsoleSize = std::array<std::uint32_t, 2>;  // rows, columns

/// Body of POST /containers/{id}/exec.
struct ExecCreateRequest {
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  std::optional<ConsoleSize> console_size;
  std::string detach_keys;
  bool tty = false;
  StringList env;
  StringList cmd;
  bool privileged = false;
  std::string user;
  std::string working_dir;

  static constexpr auto fields() {
    using enum Rule;
    using E = ExecCreateRequest;
    return std::tuple{field("AttachStdin", &E::attach_stdin),
                      field("AttachStdout", &E::attach_stdout),
                      field("AttachStderr", &E::attach_stderr),
                      field("ConsoleSize", &E::console_size, kOmitEmpty),
                      field("DetachKeys", &E::detach_keys, kOmitEmpty),
                      field("Tty", &E::tty),
                      field("Env", &E::env, kOmitEmpty),
                      field("Cmd", &E::cmd, kStringOrList),
                      field("Privileged", &E::privileged),
                      field("User", &E::user),
                      field("WorkingDir", &E::working_dir, kOmitEmpty)};
  }
  bool operator==(const ExecCreateRequest&) const = default;
};

/// Body of POST /exec/{id}/start.
struct ExecStartRequest {
  bool detach = false;
  bool tty = false;
  std::optional<ConsoleSize> console_size;

  static constexpr auto fields() {
    using E = ExecStartRequest;
    return std::tuple{field("Detach", &E::detach), field("Tty", &E::tty),
                      field("ConsoleSize", &E::console_size, Rule::kOmitEmpty)};
  }
  bool operator==(const ExecStartRequest&) const = default;
};

struct ProcessConfig {
  std::string entrypoint;
  StringList arguments;
  bool privileged = false;
  bool tty = false;
  std::string user;

  static constexpr auto fields() {
    using enum Rule;
    using P = ProcessConfig;
    return std::tuple{field("tty", &P::tty), field("entrypoint", &P::entrypoint),
                      field("arguments", &P::arguments, kEmptyCollection),
                      field("privileged", &P::privileged), field("user", &P::user, kOmitEmpty)};
  }
  bool operator==(const ProcessConfig&) const = default;
};

/// Answer of GET /exec/{id}/json.
struct ExecInspect {
  std::string id;
  bool running = false;
  std::optional<int> exit_code;  // once it ended
  ProcessConfig process_config;
  bool open_stdin = false;
  bool open_stderr = false;
  bool open_stdout = false;
  bool can_remove = false;
  std::string container_id;
  std::string detach_keys;  // base64
  std::int64_t pid = 0;

  static constexpr auto fields() {
    using E = ExecInspect;
    return std::tuple{field("ID", &E::id),
                      field("Running", &E::running),
                      field("ExitCode", &E::exit_code),
                      field("ProcessConfig", &E::process_config),
                      field("OpenStdin", &E::open_stdin),
                      field("OpenStderr", &E::open_stderr),
                      field("OpenStdout", &E::open_stdout),
                      field("CanRemove", &E::can_remove),
                      field("ContainerID", &E::container_id),
                      field("DetachKeys", &E::detach_keys),
                      field("Pid", &E::pid)};
  }
  bool operator==(const ExecInspect&) const = default;
};

}  // namespace berth::api
