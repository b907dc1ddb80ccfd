// Messages and sockets of netlink(7), over libnl. Blocks: for threads of the pool.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

struct nl_msg;
struct nl_sock;
struct nlattr;  // NOLINT(readability-identifier-naming): libnl's

namespace berth::network {

/// One request. Fields are appended in order: the family's fixed header, then attributes.
class Message {
 public:
  /// NLM_F_REQUEST and NLM_F_ACK need not be said. Throws Error.
  explicit Message(int type, int flags = 0);

  template <typename Header>
  Message& header(const Header& value) {
    append(std::as_bytes(std::span(&value, 1)));
    return *this;
  }
  Message& bytes(int attribute, std::span<const std::byte> value);
  Message& text(int attribute, const std::string& value);  // with its final zero
  Message& flag(int attribute) { return bytes(attribute, {}); }
  template <typename Number>
  Message& number(int attribute, Number value) {
    return bytes(attribute, std::as_bytes(std::span(&value, 1)));
  }
  /// The attributes up to the matching end() are inside this one.
  Message& begin(int attribute);
  Message& end();

  nl_msg* get() const noexcept { return message_.get(); }

 private:
  struct Free {
    void operator()(nl_msg* message) const noexcept;
  };
  void append(std::span<const std::byte> value);

  std::unique_ptr<nl_msg, Free> message_;
  std::vector<nlattr*> open_;
};

/// A received message, as bytes that begin with its nlmsghdr.
using Received = std::vector<std::byte>;

/// A socket in the network namespace that the calling thread is in when it is made.
class Socket {
 public:
  /// NETLINK_ROUTE or NETLINK_NETFILTER. Throws Error.
  explicit Socket(int protocol);

  /// Sends the messages in one go and waits for every answer: 0 or an errno for each. Throws Error
  /// when the conversation itself fails.
  std::vector<int> try_all(std::span<const Message> messages);

  /// The same; throws Error{kInternal} `cannot <action>: <what the kernel says>` for the first that
  /// was refused.
  void execute(std::span<const Message> messages, std::string_view action);
  void execute(const Message& message, std::string_view action) { execute({&message, 1}, action); }

  /// Every part of the answer to a question; one with NLM_F_DUMP is asked again when the kernel
  /// says that something changed meanwhile. Throws Error.
  std::vector<Received> ask(const Message& request, std::string_view action);

  /// From now on the kernel's notifications of the group arrive. Throws Error.
  void join(int group);
  /// Waits for a notification and drops it; false when none came in time. For sockets that joined.
  bool wait(std::chrono::milliseconds timeout);

  /// Of the interface, in the socket's namespace (netdevice(7)).
  std::optional<unsigned> index_of(const std::string& interface) const;

 private:
  struct Free {
    void operator()(nl_sock* socket) const noexcept;
  };
  std::vector<std::byte> receive();
  bool collect(std::uint32_t sequence, std::string_view action, std::vector<Received>& parts);

  std::unique_ptr<nl_sock, Free> socket_;
  std::string refusal_;  // the kernel's words for the first refusal of the last batch
};

}  // namespace berth::network
