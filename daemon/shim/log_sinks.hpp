// The sinks that a container's log driver asks for.
#pragma once

#include "daemon/runtime/spec.hpp"
#include "daemon/shim/log_writer.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

/// `folder` is the container's and must stay open; `loop` and `events` must stay. Throws Error when
/// the driver cannot be started: then the container must not be.
LogWriter::Sinks make_log_sinks(Loop& loop, int folder, const runtime::LogSettings& settings,
                                const LogEvents& events);

}  // namespace berth::shim
