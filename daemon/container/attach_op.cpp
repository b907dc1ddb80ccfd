#include "daemon/container/attach_op.hpp"

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/events.hpp"

namespace berth::container {

void check_attachable(const Container& container) {
  if (container.state.status == Status::kPaused) {
    throw Error(ErrorKind::kConflict,
                "container " + container.name + " is paused, unpause the container before attach");
  }
  if (container.state.status == Status::kRemoving) {
    throw Error(ErrorKind::kConflict, "container " + container.name + " is being removed");
  }
}

void attach(Services& services, Container& container, shim::AttachRequest request, Fd stream) {
  publish(services, container, "attach");
  if (container.shim) {
    container.shim->attach(request, std::move(stream));
  } else {
    container.waiting_attachments.push_back({std::move(request), std::move(stream)});
  }
}

void resize(Services& services, const Container& container, unsigned short rows,
            unsigned short columns) {
  if (!container.shim || !container.state.is_running()) {
    throw Error(ErrorKind::kConflict, "container " + container.id().str() + " is not running");
  }
  container.shim->resize(rows, columns);
  publish(services, container, "resize",
          {{"height", std::to_string(rows)}, {"width", std::to_string(columns)}});
}

std::string parse_detach_keys(std::string_view text) {
  if (text.empty()) return "\x10\x11";  // ctrl-p,ctrl-q
  std::string keys;
  for (const std::string_view key : split(text, ',')) {
    constexpr std::string_view kControl = "ctrl-";
    if (key.size() == 1) {
      keys += key;
      continue;
    }
    const char letter =
        key.starts_with(kControl) && key.size() == kControl.size() + 1 ? key.back() : '\0';
    const bool known = (letter >= 'a' && letter <= 'z') || (letter >= '@' && letter <= '_');
    if (!known) {
      throw Error(ErrorKind::kInvalidArgument,
                  "Invalid detach keys (" + std::string(text) + ") provided: \"" +
                      std::string(key) +
                      "\" must be one character or ctrl-<a-z, @, [, \\, ], ^, _>");
    }
    // A terminal sends ctrl-x as the letter's five low bits (ASCII).
    keys.push_back(static_cast<char>(letter & 0x1f));
  }
  return keys;
}

}  // namespace berth::container
