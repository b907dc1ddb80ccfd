// The sinks that readers find again: the drivers json-file and local.
#pragma once

#include <map>
#include <string>

#include "daemon/shim/json_line.hpp"
#include "daemon/shim/log_file.hpp"

namespace berth::shim {

using LogAttributes = std::map<std::string, std::string>;

/// A line of JSON for each line.
class JsonSink final : public LogSink {
 public:
  /// `attributes` are of every line.
  JsonSink(Loop& loop, int folder, LogFileSettings settings, const LogAttributes& attributes,
           const LogEvents& events);

  void add(const LogLine& line) override;
  void flush() override { file_.flush(); }
  void release_memory() noexcept override { file_.release_memory(); }

 private:
  std::string_view time_of(const LogLine& line);

  LogFile file_;
  std::string attributes_;  // a JSON object, or ""
  LineClock clock_;
  timespec time_{-1, 0};
  std::string_view time_text_;
};

/// An entry in Docker's binary form for each line (daemon/log/local_codec.hpp).
class LocalSink final : public LogSink {
 public:
  LocalSink(Loop& loop, int folder, LogFileSettings settings, const LogAttributes& attributes,
            const LogEvents& events);

  void add(const LogLine& line) override;
  void flush() override { file_.flush(); }
  void release_memory() noexcept override { file_.release_memory(); }

 private:
  LogFile file_;
  std::string attributes_;  // encoded
};

}  // namespace berth::shim
