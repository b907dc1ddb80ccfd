#include "daemon/network/netlink.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include <linux/netlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "common/error.hpp"

namespace berth::network {

namespace {

// Answers wait in the socket's buffer of 32 KiB; each takes about 1 KiB there.
constexpr std::size_t kBatch = 16;
constexpr int kAttempts = 10;

[[noreturn]] void throw_netlink(std::string_view what, int result) {
  throw Error(ErrorKind::kInternal, std::string(what) + ": " + nl_geterror(result));
}

void check_netlink(int result, std::string_view what) {
  if (result < 0) throw_netlink(what, result);
}

/// The text that the kernel adds to a refusal (NLMSGERR_ATTR_MSG), or nothing.
std::string kernel_words(const nlmsghdr* header) {
  if ((header->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  // With NETLINK_CAP_ACK the refused message's payload is not repeated.
  const nlattr* words =
      nlmsg_find_attr(const_cast<nlmsghdr*>(header), sizeof(nlmsgerr), NLMSGERR_ATTR_MSG);
  if (words == nullptr || nla_len(words) < 1) return "";
  const char* text = static_cast<const char*>(nla_data(words));
  return {text, strnlen(text, static_cast<std::size_t>(nla_len(words)))};
}

/// Calls `use` for every message of a datagram.
template <typename Use>
void for_each_message(std::vector<std::byte>& datagram, Use use) {
  auto* header = reinterpret_cast<nlmsghdr*>(datagram.data());
  int left = static_cast<int>(datagram.size());
  for (; nlmsg_ok(header, left); header = nlmsg_next(header, &left))
    use(header);
}

int error_of(nlmsghdr* header) {
  return -static_cast<const nlmsgerr*>(nlmsg_data(header))->error;
}

}  // namespace

void Message::Free::operator()(nl_msg* message) const noexcept {
  nlmsg_free(message);
}

Message::Message(int type, int flags) : message_(nlmsg_alloc_simple(type, flags)) {
  if (!message_) throw Error(ErrorKind::kInternal, "no memory for a netlink message");
}

void Message::append(std::span<const std::byte> value) {
  check_netlink(nlmsg_append(message_.get(), const_cast<std::byte*>(value.data()), value.size(),
                             NLMSG_ALIGNTO),
                "netlink header");
}

Message& Message::bytes(int attribute, std::span<const std::byte> value) {
  check_netlink(nla_put(message_.get(), attribute, static_cast<int>(value.size()), value.data()),
                "netlink attribute");
  return *this;
}

Message& Message::text(int attribute, const std::string& value) {
  return bytes(attribute, std::as_bytes(std::span(value.c_str(), value.size() + 1)));
}

Message& Message::begin(int attribute) {
  nlattr* nest = nla_nest_start(message_.get(), attribute);
  if (nest == nullptr) throw Error(ErrorKind::kInternal, "no room in a netlink message");
  open_.push_back(nest);
  return *this;
}

Message& Message::end() {
  // The kernel measures the nest by its length, which is known now.
  nla_nest_end(message_.get(), open_.back());
  open_.pop_back();
  return *this;
}

void Socket::Free::operator()(nl_sock* socket) const noexcept {
  nl_socket_free(socket);
}

Socket::Socket(int protocol) : socket_(nl_socket_alloc()) {
  if (!socket_) throw Error(ErrorKind::kInternal, "no memory for a netlink socket");
  // libnl opens it close-on-exec.
  check_netlink(nl_connect(socket_.get(), protocol), "netlink socket");
  // Both only make messages better; kernels since 4.12 have them.
  const int on = 1;
  const int fd = nl_socket_get_fd(socket_.get());
  setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
  setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
}

std::vector<std::byte> Socket::receive() {
  sockaddr_nl sender{};
  unsigned char* buffer = nullptr;
  const int size = nl_recv(socket_.get(), &sender, &buffer, nullptr);
  const std::unique_ptr<unsigned char, decltype(&free)> owner(buffer, &free);
  if (size <= 0) throw_netlink("netlink answer", size);
  if (sender.nl_pid != 0) return {};  // only the kernel's word counts
  const auto data = std::as_bytes(std::span(buffer, static_cast<std::size_t>(size)));
  return {data.begin(), data.end()};
}

std::vector<int> Socket::try_all(std::span<const Message> messages) {
  std::vector<int> results;
  refusal_.clear();
  for (std::size_t begin = 0; begin < messages.size(); begin += kBatch) {
    const auto batch = messages.subspan(begin, std::min(kBatch, messages.size() - begin));
    std::vector<std::byte> datagram;
    std::uint32_t first = 0;
    for (const Message& message : batch) {
      nlmsg_hdr(message.get())->nlmsg_seq = NL_AUTO_SEQ;
      nl_complete_msg(socket_.get(), message.get());
      const nlmsghdr* header = nlmsg_hdr(message.get());
      if (&message == &batch.front()) first = header->nlmsg_seq;
      const auto bytes =
          std::as_bytes(std::span(reinterpret_cast<const char*>(header), header->nlmsg_len));
      datagram.insert(datagram.end(), bytes.begin(), bytes.end());
      datagram.resize(NLMSG_ALIGN(datagram.size()));
    }
    check_netlink(nl_sendto(socket_.get(), datagram.data(), datagram.size()), "netlink request");
    results.resize(begin + batch.size());
    for (std::size_t answered = 0; answered < batch.size();) {
      std::vector<std::byte> answer = receive();
      for_each_message(answer, [&](nlmsghdr* header) {
        const std::size_t place = header->nlmsg_seq - first;
        if (header->nlmsg_type != NLMSG_ERROR || place >= batch.size()) return;
        ++answered;
        const int error = results[begin + place] = error_of(header);
        if (error != 0 && refusal_.empty()) refusal_ = kernel_words(header);
      });
    }
  }
  return results;
}

void Socket::execute(std::span<const Message> messages, std::string_view action) {
  for (const int error : try_all(messages)) {
    if (error == 0) continue;
    const std::string words = refusal_.empty() ? "" : " (" + refusal_ + ")";
    throw Error(ErrorKind::kInternal,
                "cannot " + std::string(action) + ": " + errno_text(error) + words, error);
  }
}

/// True when the answer is complete and nothing changed while it was made.
bool Socket::collect(std::uint32_t sequence, std::string_view action,
                     std::vector<Received>& parts) {
  bool interrupted = false;
  for (bool done = false; !done;) {
    std::vector<std::byte> datagram = receive();
    for_each_message(datagram, [&](nlmsghdr* header) {
      if (header->nlmsg_seq != sequence) return;
      if ((header->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (header->nlmsg_type == NLMSG_DONE) {
        done = true;
      } else if (header->nlmsg_type == NLMSG_ERROR) {
        if (error_of(header) != 0) throw_errno("cannot", action, error_of(header));
        done = true;
      } else {
        const auto bytes =
            std::as_bytes(std::span(reinterpret_cast<char*>(header), header->nlmsg_len));
        parts.emplace_back(bytes.begin(), bytes.end());
      }
    });
  }
  return !interrupted;
}

std::vector<Received> Socket::ask(const Message& request, std::string_view action) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    nlmsghdr* header = nlmsg_hdr(request.get());
    header->nlmsg_seq = NL_AUTO_SEQ;
    check_netlink(nl_send_auto(socket_.get(), request.get()), "netlink request");
    std::vector<Received> parts;
    if (collect(header->nlmsg_seq, action, parts)) return parts;
  }
  throw Error(ErrorKind::kUnavailable,
              "cannot " + std::string(action) + ": the kernel's list does not come to rest");
}

void Socket::join(int group) {
  check_netlink(nl_socket_add_membership(socket_.get(), group), "netlink group");
}

bool Socket::wait(std::chrono::milliseconds timeout) {
  pollfd entry{nl_socket_get_fd(socket_.get()), POLLIN, 0};
  if (poll(&entry, 1, static_cast<int>(timeout.count())) != 1) return false;
  std::array<std::byte, 64> begin{};
  // A notification that was lost for want of room (ENOBUFS) is one, too.
  (void)recv(entry.fd, begin.data(), begin.size(), MSG_DONTWAIT);
  return true;
}

std::optional<unsigned> Socket::index_of(const std::string& interface) const {
  ifreq request{};
  if (interface.size() >= sizeof(request.ifr_name)) return std::nullopt;
  interface.copy(request.ifr_name, interface.size());
  if (ioctl(nl_socket_get_fd(socket_.get()), SIOCGIFINDEX, &request) == 0) {
    return static_cast<unsigned>(request.ifr_ifindex);
  }
  if (errno == ENODEV) return std::nullopt;
  throw_errno("SIOCGIFINDEX", interface);
}

}  // namespace berth::network
