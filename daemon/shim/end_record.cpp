#include "daemon/shim/end_record.hpp"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::shim {

namespace {

constexpr const char* kRecordFile = "exit.json";
constexpr const char* kRecordDraft = "exit.json.tmp";
constexpr mode_t kRecordMode = 0600;

}  // namespace

nlohmann::json to_json(const EndRecord& record) {
  return {{"exit_code", record.exit_code},
          {"oom_killed", record.oom_killed},
          {"started_at", record.started_at},
          {"finished_at", record.finished_at},
          {"error", record.error}};
}

bool write_end_record(int folder, const EndRecord& record) noexcept {
  try {
    const std::string text =
        to_json(record).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    const Fd file =
        open_at(folder, kRecordDraft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, kRecordMode);
    write_all(file.get(), text, kRecordDraft);
    return ::renameat(folder, kRecordDraft, folder, kRecordFile) == 0;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace berth::shim
