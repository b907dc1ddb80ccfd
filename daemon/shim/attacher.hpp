// One attached client: a stream socket that gets the container's output and may give it input.
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "common/fd.hpp"
#include "daemon/shim/detach_keys.hpp"
#include "daemon/shim/json_line.hpp"

namespace berth::shim {

struct AttachSettings {
  bool standard_input = false;
  bool standard_output = false;
  bool standard_error = false;
  /// Each piece of output goes behind an 8-byte header: stream, three zeros, length (big endian),
  /// as the attach endpoint of the API describes it.
  bool multiplexed = false;
  std::string detach_keys;  // empty: typed bytes are never looked at
};

/// The fields stdin, stdout, stderr, multiplexed and detach_keys of a message (protocol.hpp).
AttachSettings read_attach_settings(const nlohmann::json& body);

class Attacher {
 public:
  /// `socket` is non-blocking.
  Attacher(Fd socket, AttachSettings settings);
  /// Closes the connection in an orderly way: what was sent arrives.
  ~Attacher();
  Attacher(const Attacher&) = delete;
  Attacher& operator=(const Attacher&) = delete;

  int fd() const noexcept { return socket_.get(); }
  bool wants(Stream stream) const noexcept {
    return stream == Stream::kStdout ? settings_.standard_output : settings_.standard_error;
  }
  bool wants_output() const noexcept {
    return settings_.standard_output || settings_.standard_error;
  }
  bool gives_input() const noexcept { return settings_.standard_input && !input_ended_; }

  /// Sends, and keeps what the client does not take now. False when the client is gone.
  bool send(Stream stream, std::string_view data);
  /// Sends what was kept. False when the client is gone.
  bool flush();
  std::size_t unsent() const noexcept { return unsent_.size(); }
  bool is_blocked() const noexcept { return !unsent_.empty(); }

  /// Has the kernel keep for the client what it will be sent until the end, however slowly it
  /// reads: from here on nobody waits for it.
  void enlarge_buffer() noexcept;

  /// The client closed its socket. What it typed before can still be read; output is for nobody.
  void hang_up() noexcept;
  bool is_hung_up() const noexcept { return hung_up_; }

  enum class Typed { kData, kNothing, kEnd, kDetached, kGone };
  /// Reads what the client typed and appends it to `out`.
  Typed receive(std::string& out);
  /// The same for bytes that came with the request.
  Typed feed(std::string_view bytes, std::string& out);

 private:
  Fd socket_;
  AttachSettings settings_;
  DetachKeys keys_;
  std::string unsent_;
  bool input_ended_ = false;
  bool hung_up_ = false;
};

}  // namespace berth::shim
