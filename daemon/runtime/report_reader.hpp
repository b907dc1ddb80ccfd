// The parent's end of init_report.hpp.
#pragma once

#include <string>

#include "common/fd.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

/// A message from the cloned process and what came with it.
struct Received {
  InitMessage message;
  Fd passed;

  std::string text() const { return {message.text.data(), message.length}; }
  LaunchFailure failure() const;
};

enum class ReportStatus { kMessage, kNothing, kClosed };

/// kNothing is of a non-blocking socket alone; kClosed once every process has closed its end.
/// Throws Error.
ReportStatus receive_report(int control, Received& received);

/// By what the kernel says of the descriptor (pidfd_open(2)): the number in this namespace. Throws
/// Error for a process that was reaped.
pid_t pid_of(int pidfd);

/// An end for the child that is none of the numbers which it gives new meanings. Throws Error.
Fd above_stdio(Fd fd);

}  // namespace berth::runtime
