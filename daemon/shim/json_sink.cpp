#include <nlohmann/json.hpp>

#include "daemon/shim/file_sinks.hpp"

namespace berth::shim {

JsonSink::JsonSink(Loop& loop, int folder, LogFileSettings settings,
                   const LogAttributes& attributes, const LogEvents& events)
    : file_(loop, folder, std::move(settings), events) {
  if (!attributes.empty()) attributes_ = nlohmann::json(attributes).dump();
}

/// Lines that came together have one time.
std::string_view JsonSink::time_of(const LogLine& line) {
  if (line.time.tv_sec != time_.tv_sec || line.time.tv_nsec != time_.tv_nsec) {
    time_ = line.time;
    time_text_ = clock_.format(time_);
  }
  return time_text_;
}

void JsonSink::add(const LogLine& line) {
  char* const begin = file_.reserve(json_line_bound(kLineLimit) + attributes_.size());
  const char* const end =
      write_json_line(begin, line.text, line.stream, time_of(line), attributes_);
  file_.commit(end, line.time);
}

}  // namespace berth::shim
