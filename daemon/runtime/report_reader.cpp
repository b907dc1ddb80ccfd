#include "daemon/runtime/report_reader.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"

namespace berth::runtime {

LaunchFailure Received::failure() const {
  return {message.stage, text(), message.error, message.exit_code};
}

ReportStatus receive_report(int control, Received& received) {
  iovec part{&received.message, sizeof received.message};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = space.data();
  header.msg_controllen = space.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(control, &header, MSG_CMSG_CLOEXEC);
    // ECONNRESET is told once, when PID 1 went with a word of ours unread; what it said before that
    // is still in the queue.
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got < 0 && errno == EAGAIN) return ReportStatus::kNothing;
  if (got == 0) return ReportStatus::kClosed;
  check_errno(got, "recvmsg", "container process");
  const cmsghdr* rights = CMSG_FIRSTHDR(&header);
  if (rights != nullptr && rights->cmsg_level == SOL_SOCKET && rights->cmsg_type == SCM_RIGHTS) {
    int fd = -1;
    std::memcpy(&fd, CMSG_DATA(rights), sizeof fd);
    received.passed.reset(fd);
  }
  received.message.length = std::min<std::uint32_t>(received.message.length, InitMessage::kLongest);
  return ReportStatus::kMessage;
}

pid_t pid_of(int pidfd) {
  static constexpr std::string_view kKey = "Pid:\t";
  const std::string text = read_file("/proc/self/fdinfo/" + std::to_string(pidfd));
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with(kKey)) continue;
    if (const auto number = parse_number<pid_t>(line.substr(kKey.size())); number && *number > 0)
      return *number;
  }
  throw Error(ErrorKind::kInternal, "the process ended before its number was known");
}

Fd above_stdio(Fd fd) {
  static constexpr int kFirstFree = 3;
  if (fd.get() >= kFirstFree) return fd;
  return own_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFree), "fcntl");
}

}  // namespace berth::runtime
