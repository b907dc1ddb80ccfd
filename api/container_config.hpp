// What runs in a container, as the request says it and as the image suggests it.
#pragma once

#include "api/field.hpp"

namespace berth::api {

/// Durations are nanoseconds; 0 means the default of the engine.
struct HealthConfig {
  StringList test;  // {}, {"NONE"}, {"CMD", ...} or {"CMD-SHELL", command}
  std::int64_t interval = 0;
  std::int64_t timeout = 0;
  std::int64_t start_period = 0;
  std::int64_t start_interval = 0;
  std::int64_t retries = 0;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("Test", &HealthConfig::test, kOmitEmpty),
                      field("Interval", &HealthConfig::interval, kOmitEmpty),
                      field("Timeout", &HealthConfig::timeout, kOmitEmpty),
                      field("StartPeriod", &HealthConfig::start_period, kOmitEmpty),
                      field("StartInterval", &HealthConfig::start_interval, kOmitEmpty),
                      field("Retries", &HealthConfig::retries, kOmitEmpty)};
  }
  bool operator==(const HealthConfig&) const = default;
};

struct ContainerConfig {
  std::string hostname;
  std::string domainname;
  std::string user;
  bool attach_stdin = false;
  bool attach_stdout = false;
  bool attach_stderr = false;
  KeySet exposed_ports;  // "80/tcp"
  bool tty = false;
  bool open_stdin = false;
  bool stdin_once = false;
  StringList env;  // "NAME=value"; "NAME" alone removes the image's variable
  StringList cmd;
  std::optional<HealthConfig> healthcheck;
  bool args_escaped = false;
  std::string image;
  KeySet volumes;  // paths in the container
  std::string working_dir;
  std::optional<StringList> entrypoint;  // absent: the image's; empty: none
  bool network_disabled = false;
  std::string mac_address;
  StringList on_build;
  StringMap labels;
  std::string stop_signal;
  std::optional<std::int64_t> stop_timeout;  // seconds
  StringList shell;

  static constexpr auto fields() {
    using enum Rule;
    using C = ContainerConfig;
    return std::tuple{field("Hostname", &C::hostname),
                      field("Domainname", &C::domainname),
                      field("User", &C::user),
                      field("AttachStdin", &C::attach_stdin),
                      field("AttachStdout", &C::attach_stdout),
                      field("AttachStderr", &C::attach_stderr),
                      field("ExposedPorts", &C::exposed_ports, kOmitEmpty),
                      field("Tty", &C::tty),
                      field("OpenStdin", &C::open_stdin),
                      field("StdinOnce", &C::stdin_once),
                      field("Env", &C::env, kEmptyCollection),
                      field("Cmd", &C::cmd, kStringOrList),
                      field("Healthcheck", &C::healthcheck, kOmitEmpty),
                      field("ArgsEscaped", &C::args_escaped, kOmitEmpty),
                      field("Image", &C::image),
                      field("Volumes", &C::volumes),
                      field("WorkingDir", &C::working_dir),
                      field("Entrypoint", &C::entrypoint, kStringOrList),
                      field("NetworkDisabled", &C::network_disabled, kOmitEmpty),
                      field("MacAddress", &C::mac_address, kOmitEmpty),
                      field("OnBuild", &C::on_build),
                      field("Labels", &C::labels, kEmptyCollection),
                      field("StopSignal", &C::stop_signal, kOmitEmpty),
                      field("StopTimeout", &C::stop_timeout, kOmitEmpty),
                      field("Shell", &C::shell, kOmitEmpty | kStringOrList)};
  }
  bool operator==(const ContainerConfig&) const = default;
};

}  // namespace berth::api
