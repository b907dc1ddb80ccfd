#include <array>
#include <cstdio>

#include <time.h>
#include <unistd.h>

#include "common/text.hpp"
#include "daemon/shim/message_formats.hpp"

namespace berth::shim {

namespace {

// <syslog.h>, whose macros are of the C library's own syslog(3).
constexpr int kError = 3;
constexpr int kInformation = 6;
constexpr long kMicrosecond = 1000;
constexpr long kMinute = 60;

struct Settings {
  std::string format;  // "", "rfc3164", "rfc5424", "rfc5424micro"
  int facility = 0;    // times eight
  std::string tag;
  std::string hostname;
};

std::string text_of_time(const char* pattern, const tm& local) {
  std::array<char, 64> text{};
  const std::size_t length = ::strftime(text.data(), text.size(), pattern, &local);
  return {text.data(), length};
}

/// "Z" or "+02:00".
std::string zone_of(const tm& local) {
  if (local.tm_gmtoff == 0) return "Z";
  const long minutes = std::abs(local.tm_gmtoff) / kMinute;
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%c%02ld:%02ld", local.tm_gmtoff < 0 ? '-' : '+',
                minutes / kMinute, minutes % kMinute);
  return text.data();
}

std::string rfc3339(const tm& local, const timespec& time, bool microseconds) {
  std::string text = text_of_time("%Y-%m-%dT%H:%M:%S", local);
  if (microseconds) {
    std::array<char, 16> fraction{};
    std::snprintf(fraction.data(), fraction.size(), ".%06ld", time.tv_nsec / kMicrosecond);
    text += fraction.data();
  }
  return text + zone_of(local);
}

std::string format_message(const Settings& settings, const LogLine& line) {
  const int level = line.stream == Stream::kStdout ? kInformation : kError;
  const std::string priority = "<" + std::to_string(settings.facility + level) + ">";
  const std::string pid = std::to_string(::getpid());
  const std::string text(line.without_end());
  tm local{};
  ::localtime_r(&line.time.tv_sec, &local);
  if (settings.format.starts_with("rfc5424")) {
    return priority + "1 " + rfc3339(local, line.time, settings.format == "rfc5424micro") + " " +
           settings.hostname + " " + settings.tag + " " + pid + " " + settings.tag + " - " + text +
           "\n";
  }
  const std::string stamp = text_of_time("%b %e %H:%M:%S", local);
  const std::string host = settings.format == "rfc3164" ? settings.hostname + " " : "";
  return priority + stamp + " " + host + settings.tag + "[" + pid + "]: " + text + "\n";
}

}  // namespace

MessageFormat syslog_format(const runtime::LogReceiver& receiver) {
  Settings settings{receiver.options.at("format"),
                    parse_number<int>(receiver.options.at("facility")).value_or(0) * 8,
                    receiver.options.at("tag"), receiver.options.at("hostname")};
  return [settings = std::move(settings)](const LogLine& line, const EmitMessage& emit) {
    emit(format_message(settings, line));
  };
}

}  // namespace berth::shim
