// What the daemon and a container's shim say to each other: one JSON object a message over
// SOCK_SEQPACKET, its kind in "type", with descriptors beside it (SCM_RIGHTS, unix(7)). The daemon
// may be newer than the shim: both ignore fields that they do not know, and the shim answers
// "error" to a type that it does not know.
//
// Shim to daemon:
//
// - hello {version, shim, phase, pid, started_at, oom, streams, record}: answer to a reconnect and
//   to "query". phase is creating, created, running or exited; record comes with exited alone; oom
//   says whether memory ran out so far; streams are the names of the container's standard pipes.
//   When sessions are known, a file comes along: [{exec_id, memo, pid}], for those that ended
//   lately [{exec_id, memo, exit_code}].
// - created {pid} + network namespace: PID 1 is in its namespaces and waits for start. Without a
//   pid: what it will come back to from a checkpoint is there.
// - started {pid, started_at, streams}
// - failed {message, exit_code}: the start came to nothing; the shim ends.
// - warning {message}: for the user's eyes.
// - oom {}: memory ran out; the kernel kills a process of the container, which may go on.
// - detached {}: a client typed its detach keys.
// - exited {exit_code, oom_killed, started_at, finished_at, error}: the output is in the log, the
//   record on disk, the cgroups are gone; the shim ends and takes its socket's name away.
// - error {message}: about a message of the daemon's.
// - exec_started {exec_id, pid}, exec_detached {exec_id}, and exec_failed {exec_id, message,
//   exit_code} or exec_exited {exec_id, exit_code} before the session's stream closes.
//
// Daemon to shim:
//
// - start {}
// - signal {signal}
// - resize {rows, columns}
// - attach {stdin, stdout, stderr, multiplexed, detach_keys, early} + a stream socket; the last two
//   in hexadecimal. Also before the start.
// - forward {ports: [{proto, container_ip, container_port}]} + a bound socket for each: from now on
//   these are the published ports.
// - exec_start {exec_id, filter, stream, ...} + the session's document {process, memo}, and when
//   the flags say so the seccomp filter and a client's stream, with the further fields of attach.
// - exec_resize {exec_id, rows, columns}, exec_kill {exec_id}: SIGKILL for its process group.
// - query {}: for a hello.
// - abandon {}: kill PID 1, whatever its state, and end.
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
/// What the kernel lets pass in one message (SCM_MAX_FD, unix(7)).
inline constexpr std::size_t kDescriptorLimit = 253;

struct Message {
  std::string type;
  nlohmann::json body;
  std::vector<Fd> descriptors;
};

/// Sends one message. Throws Error; EPIPE, ECONNRESET and, on a non-blocking socket whose peer does
/// not read, EAGAIN are in its system_error().
void send_message(int socket, std::string_view type, nlohmann::json body,
                  std::span<const int> descriptors = {});

enum class ReceiveStatus { kMessage, kNothing, kClosed };
/// Receives one message into `message`; kNothing on a non-blocking socket without one. Throws
/// Error{kInvalidArgument} for what is no message: the connection may go on.
ReceiveStatus receive_message(int socket, Message& message);

/// Fields of a message's body. A missing or mistyped flag is false, a text empty; number_of()
/// throws Error{kInvalidArgument} unless it is there and between 0 and `most`.
bool flag_of(const nlohmann::json& body, const char* name);
std::string text_of(const nlohmann::json& body, const char* name);
long number_of(const nlohmann::json& body, const char* name, long most);

/// Hexadecimal digits back to bytes. Throws Error{kInvalidArgument}.
std::string from_hex(std::string_view text);

}  // namespace berth::shim
