#include "client/stream/session.hpp"

#include <array>

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api/container.hpp"
#include "api/fields.hpp"
#include "common/file.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kBufferSize = std::size_t{64} << 10U;

}  // namespace

Session::Session(Client& client, SessionOptions options)
    : client_(client),
      options_(std::move(options)),
      scanner_(options_.terminal ? parse_detach_keys(options_.detach_keys) : std::string()) {}

void Session::send_window_size() {
  const auto size = window_size(STDOUT_FILENO);
  if (!options_.terminal || !size) return;
  try {
    client_.call("POST", options_.target + "/resize" +
                             query_string({{"h", std::to_string(size->rows)},
                                           {"w", std::to_string(size->columns)}}));
  } catch (const ApiError&) {
    // It may have ended meanwhile; a wrong size is no reason to leave the user without it.
  }
}

Session::End Session::run(RawStream stream) {
  stream_ = std::move(stream);
  input_open_ = options_.send_input;
  const bool raw = options_.terminal && options_.send_input;
  const RawMode terminal(raw ? STDIN_FILENO : -1);
  if (!stream_.early_bytes.empty()) show(std::exchange(stream_.early_bytes, {}));
  while (!is_over() && !detached_) {
    const bool reads_input = input_open_ && pending_.empty() && stream_.socket;
    const short socket_events = static_cast<short>(pending_.empty() ? POLLIN : POLLIN | POLLOUT);
    std::array<pollfd, 4> wanted{{{signals_.fd(), POLLIN, 0},
                                  {reads_input ? STDIN_FILENO : -1, POLLIN, 0},
                                  {stream_.socket.get(), socket_events, 0},
                                  {wait_ ? wait_->fd() : -1, POLLIN, 0}}};
    if (::poll(wanted.data(), wanted.size(), -1) < 0) {
      if (errno == EINTR) continue;
      throw_errno("poll");
    }
    if (wanted[0].revents != 0) take_signals();
    if (wanted[1].revents != 0) take_input();
    if ((wanted[2].revents & POLLOUT) != 0) send_pending();
    if ((wanted[2].revents & (POLLIN | POLLHUP | POLLERR)) != 0) take_output();
    if (wanted[3].revents != 0) take_exit();
  }
  return detached_ ? End::kDetached : End::kContainer;
}

void Session::take_signals() {
  while (const auto signal = signals_.next()) {
    if (*signal == SIGWINCH) {
      send_window_size();
    } else if (!options_.pass_signals) {
      throw Interrupted(*signal);
    } else {
      try {
        client_.call("POST",
                     options_.target + "/kill" + query_string({{"signal", signal_name(*signal)}}));
      } catch (const ApiError&) {
        // It ended before the signal came.
      }
    }
  }
}

void Session::take_input() {
  std::array<char, kBufferSize> buffer;
  const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    // End of the input; EIO is that of a terminal whose other side is gone.
    input_open_ = false;
    input_ended_ = true;
  } else if (scanner_.scan({buffer.data(), static_cast<std::size_t>(count)}, pending_)) {
    detached_ = true;
  }
  send_pending();
}

void Session::send_pending() {
  while (!pending_.empty() && stream_.socket) {
    const ssize_t sent =
        ::send(stream_.socket.get(), pending_.data(), pending_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && errno == EAGAIN) return;
    if (sent < 0) {
      // The container takes no more input; what it still has to say is read on.
      pending_.clear();
      input_open_ = false;
      return;
    }
    pending_.erase(0, static_cast<std::size_t>(sent));
  }
  if (std::exchange(input_ended_, false) && stream_.socket) {
    // With a terminal the container's end stays open: its user may come back.
    if (!options_.terminal) (void)::shutdown(stream_.socket.get(), SHUT_WR);
  }
}

void Session::take_output() {
  std::array<char, kBufferSize> buffer;
  const ssize_t count = ::recv(stream_.socket.get(), buffer.data(), buffer.size(), 0);
  if (count < 0 && (errno == EINTR || errno == EAGAIN)) return;
  if (count <= 0) {
    stream_.socket.reset();
    return;
  }
  show({buffer.data(), static_cast<std::size_t>(count)});
}

void Session::show(std::string_view data) {
  if (options_.terminal) {
    write_all(STDOUT_FILENO, data, "stdout");
  } else {
    demultiplexer_.write(data);
  }
}

void Session::take_exit() {
  try {
    exit_code_ = read_exit_code(*wait_);
  } catch (const ApiError&) {
    throw;
  } catch (const Error& error) {
    // The daemon is gone; the container and its stream are not.
    if (error.kind() != ErrorKind::kUnavailable) throw;
  }
  wait_.reset();
}

std::int64_t find_exit_code(Client& client, const std::string& container) {
  constexpr int kAttempts = 50;
  constexpr int kPauseMilliseconds = 200;
  for (int attempt = 1;; ++attempt) {
    try {
      Request request;
      request.method = "POST";
      request.target = "/containers/" + container + "/wait";
      Exchange wait = client.begin(std::move(request));
      return read_exit_code(wait);
    } catch (const ApiError&) {
      throw;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kUnavailable || attempt == kAttempts) throw;
    }
    (void)::poll(nullptr, 0, kPauseMilliseconds);
  }
}

std::int64_t read_exit_code(Exchange& wait) {
  require_success(wait);
  const auto answer = api::from_text<api::WaitResponse>(wait.read_all());
  if (answer.error && !answer.error->message.empty()) {
    throw Error(ErrorKind::kInternal, "Error waiting for container: " + answer.error->message);
  }
  return answer.status_code;
}

}  // namespace berth::client
