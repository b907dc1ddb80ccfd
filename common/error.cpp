#include "common/error.hpp"

#include <cstring>

namespace berth {

std::string errno_text(int error) {
  const char* text = strerrordesc_np(error);
  if (text == nullptr) return "error " + std::to_string(error);
  std::string lower = text;
  // "No such file or directory" reads on in the middle of a sentence; "I/O error" stays as it is.
  if (lower.size() > 1 && lower[0] >= 'A' && lower[0] <= 'Z' && lower[1] >= 'a' &&
      lower[1] <= 'z') {
    lower[0] = static_cast<char>(lower[0] - 'A' + 'a');
  }
  return lower;
}

void throw_errno(std::string_view call, std::string_view object, int error) {
  std::string message(call);
  if (!object.empty()) message.append(" ").append(object);
  message.append(": ").append(errno_text(error));
  throw Error(ErrorKind::kInternal, message, error);
}

void rethrow_with_context(std::string_view what) {
  const std::string prefix = std::string(what) + ": ";
  try {
    throw;
  } catch (const Error& error) {
    throw Error(error.kind(), prefix + error.what(), error.system_error());
  } catch (const std::exception& error) {
    throw Error(ErrorKind::kInternal, prefix + error.what());
  }
}

}  // namespace berth
