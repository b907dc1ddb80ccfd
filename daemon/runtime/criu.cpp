#include "daemon/runtime/criu.hpp"

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"

namespace berth::runtime {

std::string last_criu_error(const std::string& log_file) {
  std::string found;
  try {
    const std::string text = read_file(log_file);
    for (const std::string_view line : split(text, '\n')) {
      const std::size_t at = line.find("Error (");
      const std::size_t words = at == std::string_view::npos ? at : line.find("): ", at);
      if (words == std::string_view::npos) continue;
      const std::string_view message = line.substr(words + 3);
      // The last of them tells no more than that it failed.
      if (found.empty() || !message.ends_with(" FAILED.")) found = message;
    }
  } catch (const Error&) {
    // It did not come that far.
  }
  return found.empty() ? "it gave no reason" : found;
}

}  // namespace berth::runtime
