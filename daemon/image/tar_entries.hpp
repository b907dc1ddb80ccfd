// The entries of a tar that goes by: which of its bytes are the content of which file.
//
// One thread at a time. All that a tar says is hostile; what cannot be understood is no file's
// content from there on.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "daemon/image/tar_block.hpp"

namespace berth::image {

class TarEntries {
 public:
  struct Events {
    /// Bytes that are no file's content.
    std::function<void(std::span<const std::byte> bytes)> raw;
    /// In the place of so many bytes: the content of the file at the cleaned path.
    std::function<void(const std::string& path, std::uint64_t size)> file;
  };

  explicit TarEntries(Events events) : events_(std::move(events)) {}

  void feed(std::span<const std::byte> bytes);
  /// False when an entry took the place of an earlier one, whose content may be lost.
  bool files_stay() const noexcept { return files_stay_; }
  /// The tar ended inside no entry.
  bool is_whole() const noexcept { return state_ != State::kContent || left_ == 0; }

 private:
  enum class State {
    kHeader,
    kRaw,      // content or padding that is kept
    kCapture,  // so, and it says something of the next entry
    kContent,  // of a file
    kTail,     // nothing is understood any more
  };
  /// What pax and GNU headers say of the next entry.
  struct Overrides {
    std::optional<std::string> path;
    std::optional<std::uint64_t> size;
    bool sparse = false;
  };

  std::size_t take_header(std::span<const std::byte> bytes);
  void on_header();
  void begin_entry(const TarHeader& header);
  void on_extension();
  void read_pax(std::string_view text);
  void begin_file(const std::string& name, std::uint64_t size);
  void note(const std::string& path, bool folder);
  void end_content();

  Events events_;
  State state_ = State::kHeader;
  std::array<std::byte, kTarBlock> block_{};
  std::size_t filled_ = 0;
  std::uint64_t left_ = 0;  // bytes of the state
  std::uint64_t padding_ = 0;
  char extension_ = '\0';
  std::string captured_;
  std::uint64_t captured_size_ = 0;
  Overrides overrides_;
  bool files_stay_ = true;
  std::unordered_map<std::string, bool> seen_;  // path -> it is a folder
};

}  // namespace berth::image
