// What the daemon and a container's shim say to each other: one JSON object a message over
// SOCK_SEQPACKET, with descriptors beside it (SCM_RIGHTS, unix(7)). The daemon may be newer than
// the shim: both ignore fields that they do not know, and the shim answers "error" to a type that
// it does not know.
//
//   shim to daemon
//     hello    {version, phase, pid, started_at, record}   first message on a reconnect
//     created  {pid} + network namespace                   PID 1 is in its namespaces and waits for
//     start started  {pid, started_at} failed   {message, exit_code, warnings}              the
//     start came to nothing; the shim ends warning  {message} exited   {exit_code, oom_killed,
//     finished_at, error} the record is on disk; cgroups are gone error    {message} about a
//     message of the daemon's
//   daemon to shim
//     start    {}
//     signal   {signal}
//     resize   {rows, columns}
//     attach   {stdin, stdout, stderr, multiplexed, detach_keys, early} + stream; the last two in
//     hexadecimal abandon  {}                                          kill PID 1 and end
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/fd.hpp"

namespace berth::shim {

inline constexpr int kProtocolVersion = 1;

/// The numbers under which a new shim finds what the daemon gave it.
inline constexpr int kControlFd = 3;       // connected SEQPACKET socket
inline constexpr int kListenerFd = 4;      // listening SEQPACKET socket, for later daemons
inline constexpr int kDocumentFd = 5;      // the launch document
inline constexpr int kFolderFd = 6;        // the container's folder
inline constexpr int kSocketsFd = 7;       // the folder that holds the listener's name
inline constexpr int kSeccompFd = 8;       // the filter's bytes, maybe none
inline constexpr int kFirstForwardFd = 9;  // sockets of published ports

/// Longer than any message: an attachment's early bytes are bounded by the HTTP room's read buffer.
inline constexpr std::size_t kMessageLimit = std::size_t{192} * 1024;
inline constexpr std::size_t kDescriptorLimit = 4;

struct Message {
  std::string type;
  nlohmann::json body;
  std::vector<Fd> descriptors;
};

/// Sends one message. Throws Error; EPIPE and ECONNRESET are in its system_error().
void send_message(int socket, std::string_view type, nlohmann::json body,
                  std::span<const int> descriptors = {});

enum class ReceiveStatus { kMessage, kNothing, kClosed };
/// Receives one message into `message`; kNothing on a non-blocking socket without one. Throws
/// Error{kInvalidArgument} for what is no message: the connection may go on.
ReceiveStatus receive_message(int socket, Message& message);

/// Hexadecimal digits back to bytes. Throws Error{kInvalidArgument}.
std::string from_hex(std::string_view text);

}  // namespace berth::shim
