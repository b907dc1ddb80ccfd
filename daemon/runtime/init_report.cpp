#include "daemon/runtime/init_report.hpp"

#include <cstring>

#include <sys/socket.h>
#include <unistd.h>

namespace berth::runtime {

FixedText<128> error_words(int error) noexcept {
  FixedText<128> words;
  const char* text = strerrordesc_np(error);
  if (text == nullptr) {
    words.append("error ");
    words.append_number(error);
    return words;
  }
  const std::string_view view(text);
  const bool is_word =
      view.size() > 1 && view[0] >= 'A' && view[0] <= 'Z' && view[1] >= 'a' && view[1] <= 'z';
  words.append(is_word ? static_cast<char>(view[0] - 'A' + 'a') : view[0]);
  words.append(view.substr(1));
  return words;
}

void Report::send(InitMessage& message, std::string_view text, int passed_fd) noexcept {
  message.stage = stage_;
  message.length = static_cast<std::uint32_t>(std::min(text.size(), InitMessage::kLongest));
  std::memcpy(message.text.data(), text.data(), message.length);
  iovec part{&message, offsetof(InitMessage, text) + message.length};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (passed_fd >= 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &passed_fd, sizeof passed_fd);
  }
  // A parent that is gone gets nothing, and the next wait ends this process.
  while (::sendmsg(control_, &header, MSG_NOSIGNAL) < 0 && errno == EINTR) {
  }
}

bool Report::fail(std::string_view call, std::string_view object, int error) noexcept {
  if (object.empty()) return fail_in_words({call, ": ", error_words(error).view()}, error);
  return fail_in_words({call, " ", object, ": ", error_words(error).view()}, error);
}

bool Report::fail_in_words(std::initializer_list<std::string_view> parts, int error,
                           int exit_code) noexcept {
  InitMessage message;
  message.type = InitMessage::Type::kFailure;
  message.error = error;
  message.exit_code = exit_code;
  send(message, FixedText<InitMessage::kLongest>(parts).view(), -1);
  return false;
}

void Report::warn(std::initializer_list<std::string_view> parts, int error) noexcept {
  InitMessage message;
  message.type = InitMessage::Type::kWarning;
  message.error = error;
  send(message, FixedText<InitMessage::kLongest>(parts).view(), -1);
}

void Report::tell(InitMessage::Type type, int passed_fd) noexcept {
  InitMessage message;
  message.type = type;
  send(message, {}, passed_fd);
}

bool Report::wait_for(char word) noexcept {
  char got = 0;
  for (;;) {
    const ssize_t count = ::read(control_, &got, 1);
    if (count < 0 && errno == EINTR) continue;
    return count == 1 && got == word;
  }
}

}  // namespace berth::runtime
