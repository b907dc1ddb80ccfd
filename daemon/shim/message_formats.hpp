// What receivers of logs are sent for a line, one format a driver. The settings' options and fields
// are what daemon/container/log_receiver.cpp writes.
#pragma once

#include <functional>
#include <string>

#include "daemon/runtime/spec.hpp"
#include "daemon/shim/log_sink.hpp"

namespace berth::shim {

/// Takes each message of a line in turn: one, but for GELF's chunks, or none.
using EmitMessage = std::function<void(std::string message)>;
using MessageFormat = std::function<void(const LogLine& line, const EmitMessage& emit)>;

/// RFC 3164, RFC 5424, or as the C library's syslog(3) writes to a local daemon. Options: format,
/// priority (of a facility, without the level), tag, hostname.
MessageFormat syslog_format(const runtime::LogReceiver& receiver);

/// Graylog's extended log format 1.1 (https://go2docs.graylog.org, GELF): by UDP compressed and in
/// chunks, by TCP with a NUL behind it. Options: host, compression (gzip, zlib, none), level.
/// Fields: whatever begins with "_".
MessageFormat gelf_format(const runtime::LogReceiver& receiver);

/// Fluentd's forward protocol v1, message mode
/// (https://github.com/fluent/fluentd/wiki/Forward-Protocol-Specification-v1). Options: tag,
/// sub_second. Fields: those of the record.
MessageFormat fluentd_format(const runtime::LogReceiver& receiver);

/// systemd's native journal protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL). Fields: those of
/// the entry.
MessageFormat journald_format(const runtime::LogReceiver& receiver);

}  // namespace berth::shim
