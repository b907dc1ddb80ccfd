// The one error type of the project. Whoever detects a fault picks the kind, because there the fact
// is known; daemon/http alone turns a kind into a status code.
#pragma once

#include <cerrno>
#include <stdexcept>
#include <string>
#include <string_view>

namespace berth {

enum class ErrorKind {
  kInvalidArgument,  // the caller's input is wrong
  kUnauthorized,     // who the caller is was not proven
  kForbidden,        // the caller is known and may not
  kNotFound,
  kConflict,        // the thing exists, or is in a state that does not allow this
  kNotModified,     // the thing already is as asked: success with nothing done
  kTooLarge,        // input beyond a stated bound
  kUnavailable,     // may work later: a peer is down, a queue is full, the daemon is stopping
  kNotImplemented,  // Berth or this machine cannot do it
  kCancelled,       // the caller went away
  kDeadline,        // it took longer than allowed
  kInternal,        // everything else, and bugs
};

/// The message is what the user will read: lower case, no final period, user's strings in quotes.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message, int system_error = 0)
      : std::runtime_error(message), kind_(kind), system_error_(system_error) {}

  ErrorKind kind() const noexcept { return kind_; }
  /// errno of the failed call, or 0 where none was involved.
  int system_error() const noexcept { return system_error_; }

 private:
  ErrorKind kind_;
  int system_error_;
};

/// The text of an errno value (strerrordesc_np(3)), thread safe.
std::string errno_text(int error);

/// Throws Error{kInternal, "<call> <object>: <text of errno>"}. Pass `error` when errno may have
/// changed.
[[noreturn]] void throw_errno(std::string_view call, std::string_view object = {},
                              int error = errno);

/// Throws throw_errno's error when `result` is negative, else returns it; for calls that set errno.
template <typename Integer>
Integer check_errno(Integer result, std::string_view call, std::string_view object = {}) {
  if (result < 0) throw_errno(call, object);
  return result;
}

/// Rethrows the exception in flight as an Error of the same kind with `what` in front of its
/// message.
[[noreturn]] void rethrow_with_context(std::string_view what);

}  // namespace berth
