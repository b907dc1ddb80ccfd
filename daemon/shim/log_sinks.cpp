#include "daemon/shim/log_sinks.hpp"

#include <cerrno>

#include <sys/stat.h>

#include "common/error.hpp"
#include "daemon/shim/file_sinks.hpp"
#include "daemon/shim/sender_sink.hpp"

namespace berth::shim {

namespace {

/// A file may be in a folder of its own.
void make_folder(int folder, const std::string& file) {
  const std::size_t slash = file.find('/');
  if (slash == std::string::npos) return;
  constexpr mode_t kMode = 0700;
  const std::string name = file.substr(0, slash);
  if (::mkdirat(folder, name.c_str(), kMode) != 0 && errno != EEXIST) throw_errno("mkdir", name);
}

}  // namespace

LogWriter::Sinks make_log_sinks(Loop& loop, int folder, const runtime::LogSettings& settings,
                                const LogEvents& events) {
  LogWriter::Sinks sinks;
  if (settings.driver == "none") return sinks;
  if (settings.receiver) sinks.push_back(std::make_unique<SenderSink>(loop, settings, events));
  if (settings.file.empty()) return sinks;
  make_folder(folder, settings.file);
  LogFileSettings file{settings.file, settings.max_size, settings.max_file, settings.compress};
  if (settings.driver == "json-file") {
    sinks.push_back(
        std::make_unique<JsonSink>(loop, folder, std::move(file), settings.attrs, events));
  } else {
    // Beside a sender, this is what `logs` reads.
    sinks.push_back(
        std::make_unique<LocalSink>(loop, folder, std::move(file), settings.attrs, events));
  }
  return sinks;
}

}  // namespace berth::shim
