// How a container ended: what the daemon is told, and finds in the container's folder when it was
// away.
#pragma once

#include <string>

#include <nlohmann/json.hpp>

namespace berth::shim {

struct EndRecord {
  int exit_code = 0;
  bool oom_killed = false;
  std::string started_at;   // RFC 3339
  std::string finished_at;  // RFC 3339
  std::string error;
};

nlohmann::json to_json(const EndRecord& record);

/// Replaces exit.json in the open folder in one step. False when it cannot be written. Without
/// syncing: a host that loses power loses the container, too, whatever is written.
bool write_end_record(int folder, const EndRecord& record) noexcept;

}  // namespace berth::shim
