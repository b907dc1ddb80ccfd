// Takes apart the stream of a container without a terminal: frames of one byte for the stream (1
// stdout, 2 stderr, 3 an error of the daemon), three zero bytes, the length as 32 bits big-endian,
// and the payload (Docker Engine API, "Stream format" of ContainerAttach).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth::client {

/// Where the parts go.
struct OutputFiles {
  int out = 1;
  int err = 2;
};

class Demultiplexer {
 public:
  explicit Demultiplexer(OutputFiles files) : files_(files) {}

  /// Writes what is whole; frames may be cut anywhere. Throws Error{kInternal} for a frame of an
  /// unknown stream, and for an error that the daemon reports in the stream.
  void write(std::string_view data);

 private:
  void begin_frame();
  void write_payload(std::string_view part);

  OutputFiles files_;
  std::array<char, 8> head_{};
  std::size_t head_size_ = 0;
  std::uint32_t payload_left_ = 0;
  std::string system_error_;
};

}  // namespace berth::client
