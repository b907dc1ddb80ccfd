// An io_context that can be emptied while what its coroutines refer to still exists.
#pragma once

#include <boost/asio/io_context.hpp>

namespace berth {

class Context : public boost::asio::io_context {
 public:
  using io_context::io_context;

  /// Destroys every coroutine and handler that still waits. To be called when no thread runs the
  /// context any more: sockets, timers and services that use it may be destroyed afterwards, in
  /// any order, where the destructor alone would leave the coroutines to the very end.
  void drop_waiting() { shutdown(); }
};

}  // namespace berth
