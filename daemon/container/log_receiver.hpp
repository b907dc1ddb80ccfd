// Log drivers whose lines go elsewhere: syslog, gelf, fluentd and journald; their options, checked
// at create, and what the shim is told of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/host_config.hpp"
#include "daemon/container/definition.hpp"

namespace berth::container {

/// Where a log is to go.
struct LogAddress {
  std::string network;  // "tcp", "udp", "unix", "unixgram"
  std::string host;     // of tcp and udp: a name or a number
  std::uint16_t port = 0;
  std::vector<std::string> paths;  // of unix and unixgram: tried in turn
  std::string shown;               // as the user wrote it
};

bool is_sending_driver(std::string_view driver);

/// Throws Error: kInvalidArgument for options that cannot be, in the words of other engines,
/// kNotImplemented for TLS and acknowledgements.
void check_log_receiver(const api::LogConfig& config);

/// Of a checked configuration of such a driver.
LogAddress log_address(const api::LogConfig& config);

/// Numbers with a port, or paths, for the shim, which cannot look names up. Blocking. Throws
/// Error{kInvalidArgument} for a name that nobody knows.
std::vector<std::string> resolve(const LogAddress& address);

/// The member "receiver" of the launch document's "log". `name` is the container's.
nlohmann::json receiver_document(const Definition& definition, const std::string& name,
                                 const std::vector<std::string>& addresses);

}  // namespace berth::container
