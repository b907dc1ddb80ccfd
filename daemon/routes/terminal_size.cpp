#include "daemon/routes/terminal_size.hpp"

#include "common/error.hpp"

namespace berth::routes {

TerminalSize terminal_size(const http::Query& query) {
  constexpr std::int64_t kMost = 65535;
  const auto size = [&](const char* name) {
    const auto value = query.number(name);
    if (!value || *value < 0 || *value > kMost) {
      throw Error(ErrorKind::kInvalidArgument, std::string("invalid resize: the parameter ") +
                                                   name + " must be from 0 to 65535");
    }
    return static_cast<unsigned short>(*value);
  };
  return {size("h"), size("w")};
}

}  // namespace berth::routes
