#include "daemon/shim/sender_sink.hpp"

#include "common/text.hpp"

namespace berth::shim {

namespace {

MessageFormat format_for(const std::string& driver, const runtime::LogReceiver& receiver) {
  if (driver == "syslog") return syslog_format(receiver);
  if (driver == "gelf") return gelf_format(receiver);
  if (driver == "fluentd") return fluentd_format(receiver);
  return journald_format(receiver);
}

ReceiverSettings settings_for(const runtime::LogReceiver& receiver) {
  ReceiverSettings settings{receiver};
  const auto number = [&](const char* name) {
    const auto found = receiver.options.find(name);
    return found == receiver.options.end() ? std::nullopt : parse_number<int>(found->second);
  };
  if (const auto wait = number("retry_wait_ms"))
    settings.retry_wait = std::chrono::milliseconds(*wait);
  if (const auto most = number("most_retries")) settings.most_retries = *most;
  return settings;
}

}  // namespace

SenderSink::SenderSink(Loop& loop, const runtime::LogSettings& settings, const LogEvents& events)
    : receiver_(loop, settings_for(*settings.receiver), events),
      format_(format_for(settings.driver, *settings.receiver)),
      emit_([this](std::string message) { receiver_.send(std::move(message)); }) {
  const auto& options = settings.receiver->options;
  const auto later = options.find("connect_later");
  if (later == options.end() || later->second != "true") receiver_.connect_now();
}

}  // namespace berth::shim
