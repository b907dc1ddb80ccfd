// Names that every room with coroutines shares.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace berth {

namespace asio = boost::asio;

/// What an asynchronous operation returns. All control state lives on one thread
/// (docs/architecture.md), and a Task runs there unless its function says otherwise.
template <typename T = void>
using Task = asio::awaitable<T>;

}  // namespace berth
