// One of the files that a log consists of, plain or compressed by gzip, read from front to back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include "common/fd.hpp"
#include "common/time.hpp"

namespace berth::logs {

class Source {
 public:
  /// Nothing when there is neither `path` nor `path`.gz, which took its place when it was
  /// compressed. Throws Error.
  static std::optional<Source> open(const std::filesystem::path& path);

  Source(Source&& other) noexcept;
  Source& operator=(Source&& other) noexcept;
  ~Source();

  /// At most `size` bytes; 0 at the present end. Throws Error.
  std::size_t read(char* into, std::size_t size);

  /// Starts again at `offset` of what is read, which is plain for a compressed file, too.
  void seek(off_t offset);
  /// Behind what a plain file holds by now. Throws Error.
  void seek_end();

  bool is_compressed() const noexcept { return inflater_ != nullptr; }
  int fd() const noexcept { return fd_.get(); }
  /// Tells files apart (common/file_identity.hpp); of a compressed one, it is that of the file
  /// which it was made from.
  std::uint64_t identity() const noexcept { return identity_; }
  /// Of the last entry, when the file says so: compressed ones do.
  const std::optional<Timestamp>& last_time() const noexcept { return last_time_; }

 private:
  struct Inflater;

  Source(Fd fd, std::filesystem::path path);
  void read_gzip_header();
  std::size_t read_plain(char* into, std::size_t size);
  std::size_t inflate(char* into, std::size_t size);

  Fd fd_;
  std::filesystem::path path_;
  off_t offset_ = 0;
  std::uint64_t identity_ = 0;
  std::optional<Timestamp> last_time_;
  std::unique_ptr<Inflater> inflater_;
};

}  // namespace berth::logs
