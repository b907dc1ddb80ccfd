#include "daemon/shim/protocol.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <sys/socket.h>

#include "common/error.hpp"

namespace berth::shim {

namespace {

constexpr std::size_t kControlSpace = CMSG_SPACE(kDescriptorLimit * sizeof(int));

/// Owns the descriptors that came along, whatever happens next.
std::vector<Fd> take_descriptors(msghdr& header) {
  std::vector<Fd> descriptors;
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int number = -1;
      std::memcpy(&number, CMSG_DATA(part) + i * sizeof(int), sizeof number);
      descriptors.emplace_back(number);
    }
  }
  return descriptors;
}

[[noreturn]] void refuse(const char* why) {
  throw Error(ErrorKind::kInvalidArgument,
              std::string("not a message of the shim protocol: ") + why);
}

}  // namespace

void send_message(int socket, std::string_view type, nlohmann::json body,
                  std::span<const int> descriptors) {
  body["type"] = type;
  const std::string text = body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  if (text.size() > kMessageLimit || descriptors.size() > kDescriptorLimit) refuse("too long");
  iovec data{const_cast<char*>(text.data()), text.size()};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, kControlSpace> control{};
  if (!descriptors.empty()) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(descriptors.size_bytes());
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(descriptors.size_bytes());
    std::memcpy(CMSG_DATA(part), descriptors.data(), descriptors.size_bytes());
  }
  while (::sendmsg(socket, &header, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) throw_errno("sendmsg", type);
  }
}

ReceiveStatus receive_message(int socket, Message& message) {
  // The length first: a buffer for the longest message would be most of the shim's memory.
  ssize_t length = 0;
  do {
    length = ::recv(socket, nullptr, 0, MSG_PEEK | MSG_TRUNC);
    // ECONNRESET is told once, when the peer closed without reading all of ours; what it sent
    // before is still there.
  } while (length < 0 && (errno == EINTR || errno == ECONNRESET));
  if (length < 0 && errno == EAGAIN) return ReceiveStatus::kNothing;
  std::string text(
      std::clamp<std::size_t>(length > 0 ? static_cast<std::size_t>(length) : 0, 1, kMessageLimit),
      '\0');
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, kControlSpace> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  ssize_t got = 0;
  do {
    got = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (got < 0 && (errno == EINTR || errno == ECONNRESET));
  if (got < 0 && errno == EAGAIN) return ReceiveStatus::kNothing;
  if (got == 0) return ReceiveStatus::kClosed;
  if (got < 0) throw_errno("recvmsg");
  message.descriptors = take_descriptors(header);
  if ((header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) refuse("cut off");
  message.body = nlohmann::json::parse(text.data(), text.data() + got, nullptr, false);
  if (!message.body.is_object()) refuse("no JSON object");
  const auto type = message.body.find("type");
  if (type == message.body.end() || !type->is_string()) refuse("no type");
  message.type = type->get<std::string>();
  return ReceiveStatus::kMessage;
}

bool flag_of(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_boolean() && found->get<bool>();
}

std::string text_of(const nlohmann::json& body, const char* name) {
  const auto found = body.find(name);
  return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

long number_of(const nlohmann::json& body, const char* name, long most) {
  const auto found = body.find(name);
  if (found == body.end() || !found->is_number_integer()) {
    throw Error(ErrorKind::kInvalidArgument, std::string("the message has no number ") + name);
  }
  const long value = found->get<long>();
  if (value < 0 || value > most) {
    throw Error(ErrorKind::kInvalidArgument, std::string(name) + " is out of range");
  }
  return value;
}

std::string from_hex(std::string_view text) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    refuse("bad hexadecimal digits");
  };
  if (text.size() % 2 != 0) refuse("bad hexadecimal digits");
  std::string bytes;
  bytes.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    bytes.push_back(static_cast<char>(digit(text[i]) * 16 + digit(text[i + 1])));
  }
  return bytes;
}

}  // namespace berth::shim
