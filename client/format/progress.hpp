// Shows the progress that pull and load report: bars that move on a terminal, plain lines
// elsewhere.
#pragma once

#include <string>
#include <vector>

#include "api/progress.hpp"

namespace berth::client {

class ProgressDisplay {
 public:
  /// Prints to `fd`; nothing but errors when `quiet`.
  explicit ProgressDisplay(int fd, bool quiet = false);

  /// Throws Error{kInternal} with the text of a message that reports an error.
  void show(const api::ProgressMessage& message);

 private:
  void show_line(const api::ProgressMessage& message);
  void show_in_place(const api::ProgressMessage& message);

  int fd_;
  bool quiet_;
  bool terminal_;
  unsigned columns_ = 80;
  std::vector<std::string> ids_;  // one line each, top to bottom
};

/// "[=====>     ]  1.5MB/3MB" within `width` columns, less when there is little room.
std::string progress_bar(const api::ProgressDetail& detail, std::size_t width);

}  // namespace berth::client
