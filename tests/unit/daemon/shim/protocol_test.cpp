// The messages between daemon and shim, those of a broken peer included.
#include "daemon/shim/protocol.hpp"

#include <array>
#include <cstring>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.hpp"

using namespace berth;
using namespace berth::shim;

TEST_CASE("messages carry descriptors, close-on-exec from birth", "[protocol]") {
  const SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  const Pipe pipe = make_pipe();
  const int descriptor = pipe.write.get();
  send_message(pair.first.get(), "attach", {{"stdin", true}}, {&descriptor, 1});
  Message message;
  REQUIRE(receive_message(pair.second.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.type == "attach");
  CHECK(flag_of(message.body, "stdin"));
  REQUIRE(message.descriptors.size() == 1);
  CHECK((::fcntl(message.descriptors[0].get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("as many descriptors as the kernel passes arrive, and more are refused", "[protocol]") {
  const SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  std::vector<int> descriptors(kDescriptorLimit, STDIN_FILENO);
  send_message(pair.first.get(), "forward", nlohmann::json::object(), descriptors);
  Message message;
  REQUIRE(receive_message(pair.second.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.descriptors.size() == kDescriptorLimit);
  descriptors.push_back(STDIN_FILENO);
  CHECK_THROWS_AS(send_message(pair.first.get(), "forward", nlohmann::json::object(), descriptors),
                  Error);
}

TEST_CASE("what is no message is refused, and the next one is heard", "[protocol]") {
  const SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  const std::string nested(100'000, '[');
  const auto bad = GENERATE_COPY(as<std::string>{}, "x", "[]", "{}", R"({"type":1})",
                                 R"({"type":"start"} and more)", "{\"type\":\"\xff\"}", nested,
                                 std::string(kMessageLimit + 1, ' '));
  REQUIRE(::send(pair.first.get(), bad.data(), bad.size(), 0) == static_cast<ssize_t>(bad.size()));
  Message message;
  CHECK_THROWS_AS(receive_message(pair.second.get(), message), Error);
  send_message(pair.first.get(), "start", nlohmann::json::object());
  REQUIRE(receive_message(pair.second.get(), message) == ReceiveStatus::kMessage);
  CHECK(message.type == "start");
}

TEST_CASE("descriptors of a refused message are closed", "[protocol]") {
  const SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  Pipe pipe = make_pipe();
  const int descriptor = pipe.write.get();
  const std::string bad = "no JSON";
  iovec data{const_cast<char*>(bad.data()), bad.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control.data();
  header.msg_controllen = control.size();
  cmsghdr* part = CMSG_FIRSTHDR(&header);
  part->cmsg_level = SOL_SOCKET;
  part->cmsg_type = SCM_RIGHTS;
  part->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(part), &descriptor, sizeof descriptor);
  REQUIRE(::sendmsg(pair.first.get(), &header, 0) > 0);
  pipe.write.reset();
  {
    Message message;
    CHECK_THROWS_AS(receive_message(pair.second.get(), message), Error);
  }
  // Nobody has the writing end any more.
  char byte = 0;
  CHECK(::read(pipe.read.get(), &byte, 1) == 0);
}

TEST_CASE("a closed peer and an empty queue are told apart", "[protocol]") {
  SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  set_nonblocking(pair.second.get(), true);
  Message message;
  CHECK(receive_message(pair.second.get(), message) == ReceiveStatus::kNothing);
  send_message(pair.first.get(), "exited", {{"exit_code", 3}});
  pair.first.reset();
  CHECK(receive_message(pair.second.get(), message) == ReceiveStatus::kMessage);
  CHECK(receive_message(pair.second.get(), message) == ReceiveStatus::kClosed);
}

TEST_CASE("a peer that does not read is no reason to wait", "[protocol]") {
  const SocketPair pair = make_socket_pair(SOCK_SEQPACKET);
  set_nonblocking(pair.first.get(), true);
  const std::string text(10'000, 'x');
  const auto fill = [&] {
    for (int i = 0; i < 1000; ++i)
      send_message(pair.first.get(), "warning", {{"message", text}});
  };
  CHECK_THROWS_AS(fill(), Error);
}

TEST_CASE("fields are checked", "[protocol]") {
  const nlohmann::json body = {{"flag", "yes"}, {"text", 1},  {"number", "1"}, {"real", 1.5},
                               {"below", -1},   {"most", 64}, {"above", 65},   {"huge", ~0ULL}};
  CHECK_FALSE(flag_of(body, "flag"));
  CHECK_FALSE(flag_of(body, "none"));
  CHECK(text_of(body, "text").empty());
  CHECK(number_of(body, "most", 64) == 64);
  const char* bad = GENERATE("none", "number", "real", "below", "above", "huge");
  CHECK_THROWS_AS(number_of(body, bad, 64), Error);
}

TEST_CASE("hexadecimal digits become bytes", "[protocol]") {
  CHECK(from_hex("00ff10") == std::string("\x00\xff\x10", 3));
  CHECK(from_hex("").empty());
  const char* bad = GENERATE("0", "zz", "0g", "FF");
  CHECK_THROWS_AS(from_hex(bad), Error);
}
