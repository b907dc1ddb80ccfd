#include "daemon/runtime/step_report.hpp"

#include <sys/socket.h>

namespace berth::runtime {

StepReport::StepReport()
    : channel_(make_socket_pair(SOCK_SEQPACKET)), report_(channel_.first.get()) {}

void StepReport::require(bool done) {
  if (done) return;
  InitMessage message;
  LaunchFailure failure;
  while (::recv(channel_.second.get(), &message, sizeof message, MSG_DONTWAIT) > 0) {
    if (message.type != InitMessage::Type::kFailure) continue;
    failure = {message.stage, std::string(message.text.data(), message.length), message.error,
               message.exit_code};
  }
  const bool users = failure.stage == Stage::kUser;
  throw LaunchError(users ? ErrorKind::kInvalidArgument : ErrorKind::kInternal, std::move(failure));
}

}  // namespace berth::runtime
