// The drivers whose lines go to a receiver: syslog, gelf, fluentd and journald.
#pragma once

#include "daemon/shim/message_formats.hpp"
#include "daemon/shim/receiver.hpp"

namespace berth::shim {

class SenderSink final : public LogSink {
 public:
  /// Connects, unless the settings say that this may wait. Throws Error when nobody is there.
  SenderSink(Loop& loop, const runtime::LogSettings& settings, const LogEvents& events);

  void add(const LogLine& line) override { format_(line, emit_); }
  void flush() override { receiver_.flush(); }
  bool is_full() const noexcept override { return receiver_.is_full(); }
  void finish(std::function<void()> done) override { receiver_.finish(std::move(done)); }

 private:
  Receiver receiver_;
  MessageFormat format_;
  EmitMessage emit_;
};

}  // namespace berth::shim
