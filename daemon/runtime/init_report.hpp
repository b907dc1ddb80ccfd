// How PID 1 talks to its parent before it has become the container's program: messages of fixed
// size over a socket. Nothing here allocates or throws, so that it is safe between clone and exec.
#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string_view>

#include "daemon/runtime/launch.hpp"

namespace berth::runtime {

/// A text that lives on the stack; what does not fit is cut off (truncated() says so).
template <std::size_t Capacity>
class FixedText {
 public:
  FixedText() = default;
  FixedText(std::initializer_list<std::string_view> parts) {
    for (const std::string_view part : parts)
      append(part);
  }
  void append(std::string_view part) noexcept {
    const std::size_t taken = std::min(part.size(), Capacity - 1 - size_);
    truncated_ = truncated_ || taken < part.size();
    std::copy_n(part.begin(), taken, data_.begin() + static_cast<std::ptrdiff_t>(size_));
    size_ += taken;
    data_[size_] = '\0';
  }
  void append(char letter) noexcept { append(std::string_view(&letter, 1)); }
  template <typename Integer>
  void append_number(Integer number) noexcept {
    std::array<char, 24> digits{};
    const auto result = std::to_chars(digits.data(), digits.data() + digits.size(), number);
    append(std::string_view(digits.data(), static_cast<std::size_t>(result.ptr - digits.data())));
  }
  void resize(std::size_t size) noexcept {
    size_ = std::min(size, size_);
    data_[size_] = '\0';
  }
  const char* c_str() const noexcept { return data_.data(); }
  std::string_view view() const noexcept { return {data_.data(), size_}; }
  std::size_t size() const noexcept { return size_; }
  bool empty() const noexcept { return size_ == 0; }
  bool truncated() const noexcept { return truncated_; }

 private:
  std::array<char, Capacity> data_{};
  std::size_t size_ = 0;
  bool truncated_ = false;
};

/// "/proc/self/fd/<number>", for the calls that take a path alone.
class FdPath {
 public:
  explicit FdPath(int fd) {
    text_.append("/proc/self/fd/");
    text_.append_number(fd);
  }
  const char* c_str() const noexcept { return text_.c_str(); }

 private:
  FixedText<32> text_;
};

/// From PID 1 to its parent.
struct InitMessage {
  enum class Type : std::uint8_t {
    kCloned,      // for a joined user namespace or a session; the process's pidfd comes along
    kNamespaces,  // it is in its namespaces; that of its network comes along
    kWarning,
    kReady,    // waits for release; a terminal's master end may come along
    kFailure,  // and it exits
  };
  static constexpr std::size_t kLongest = 1024;

  Type type = Type::kFailure;
  Stage stage = Stage::kClone;
  int error = 0;
  int exit_code = 0;
  std::uint32_t length = 0;
  std::array<char, kLongest> text{};
};

/// From the parent to PID 1, one byte each.
inline constexpr char kCgroupsReady = 'c';
inline constexpr char kRelease = 'r';
inline constexpr char kMapsWritten = 'm';
/// From the helper of a user namespace to PID 1, with a mount.
inline constexpr char kTree = 't';

class Report {
 public:
  explicit Report(int control) : control_(control) {}

  void enter(Stage stage) noexcept { stage_ = stage; }

  /// Tells "<call> <object>: <text of error>" as the reason why the start ends here. Always false.
  bool fail(std::string_view call, std::string_view object = {}, int error = errno) noexcept;
  /// The same in words of the caller's; they are the whole message.
  bool fail_in_words(std::initializer_list<std::string_view> parts, int error = 0,
                     int exit_code = 125) noexcept;
  void warn(std::initializer_list<std::string_view> parts, int error = 0) noexcept;
  void tell(InitMessage::Type type, int passed_fd = -1) noexcept;
  /// Waits for that byte. False when the parent is gone.
  bool wait_for(char word) noexcept;

  int control() const noexcept { return control_; }

 private:
  void send(InitMessage& message, std::string_view text, int passed_fd) noexcept;

  int control_;
  Stage stage_ = Stage::kClone;
};

/// The text of an errno value, as errno_text(), without allocating.
FixedText<128> error_words(int error) noexcept;

}  // namespace berth::runtime
