#include "daemon/shim/stdio.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "common/error.hpp"

namespace berth::shim {

namespace {

constexpr std::size_t kChunk = std::size_t{128} * 1024;
constexpr int kPipeSize = 256 * 1024;
// How long output may be missing after the process's end, when somebody outside keeps a pipe open,
// and how long a client may refuse what is left for it.
constexpr std::chrono::seconds kDrainLimit{2};

/// One buffer for all reads: a page of it is memory only once that much was read at a time.
std::array<char, kChunk>& read_buffer() {
  static std::array<char, kChunk> buffer;
  return buffer;
}

}  // namespace

Stdio::~Stdio() {
  for (const auto& client : attachers_)
    loop_.remove(client->fd());
}

void Stdio::use_pipes(Fd input, Fd output, Fd error, bool close_input_with_client) {
  close_input_with_client_ = close_input_with_client;
  if (input) {
    set_nonblocking(input.get(), true);
    input_ = std::move(input);
  }
  for (const Fd* pipe : {&output, &error}) {
    // Fewer switches between the container and us; the default stays where the user's quota is used
    // up.
    (void)::fcntl(pipe->get(), F_SETPIPE_SZ, kPipeSize);
  }
  add_output(output_, std::move(output));
  add_output(error_, std::move(error));
}

void Stdio::use_terminal(Fd master) {
  is_terminal_ = true;
  terminal_peer_.reset(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  input_ = master.duplicate();
  add_output(output_, std::move(master));
}

void Stdio::add_output(Output& output, Fd fd) {
  set_nonblocking(fd.get(), true);
  output.fd = std::move(fd);
  loop_.add(output.fd.get(), EPOLLIN, [this, &output](std::uint32_t) { read_output(output); });
}

void Stdio::read_output(Output& output) {
  auto& buffer = read_buffer();
  ssize_t got = 0;
  do {
    got = ::read(output.fd.get(), buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    deliver(output.stream, {buffer.data(), static_cast<std::size_t>(got)});
    if (done_) loop_.after(kDrainLimit, [this] { finish(); });
  } else if (got == 0 || errno != EAGAIN) {
    // A terminal that no process has open any more reads EIO.
    end_output(output);
  }
}

void Stdio::end_output(Output& output) {
  loop_.remove(output.fd.get());
  output.fd.reset();
  if (is_terminal_) close_input();
  finish_if_drained();
}

void Stdio::deliver(Stream stream, std::string_view data) {
  log_.append(stream, data);
  for (auto client = attachers_.begin(); client != attachers_.end();) {
    const auto present = client++;
    if ((*present)->wants(stream) && !(*present)->send(stream, data)) drop(present);
  }
  update();
}

void Stdio::attach(Fd stream, AttachSettings settings, std::string_view early_input) {
  set_nonblocking(stream.get(), true);
  const bool takes_input = settings.standard_input && input_;
  settings.standard_input = takes_input;
  if (!is_terminal_) settings.detach_keys.clear();
  auto owned = std::make_unique<Attacher>(std::move(stream), std::move(settings));
  const auto client = attachers_.insert(attachers_.end(), std::move(owned));
  loop_.add((*client)->fd(), client_events(**client),
            [this, client](std::uint32_t events) { on_client(client, events); });
  if (takes_input && !early_input.empty()) {
    const auto result = (*client)->feed(early_input, input_pending_);
    write_input();
    if (result == Attacher::Input::kDetached) drop(client);
  }
}

std::uint32_t Stdio::client_events(const Attacher& client) const {
  std::uint32_t events = 0;
  // Input that the container does not take yet is left with the client.
  if (client.gives_input() && input_pending_.empty()) events |= EPOLLIN;
  if (client.is_blocked()) events |= EPOLLOUT;
  return events;
}

void Stdio::on_client(Attachers::iterator client, std::uint32_t events) {
  const bool unsendable = (events & EPOLLOUT) != 0 && !(*client)->flush();
  const bool readable = (events & EPOLLIN) != 0 && (*client)->gives_input();
  const bool broken = (events & (EPOLLHUP | EPOLLERR)) != 0;
  if (readable && !unsendable) {
    read_client(client);
  } else if (unsendable || broken) {
    drop(client);
  }
  update();
  finish_if_drained();
}

void Stdio::read_client(Attachers::iterator client) {
  const Attacher::Input result = (*client)->receive(input_pending_);
  write_input();
  switch (result) {
    case Attacher::Input::kData:
    case Attacher::Input::kNothing:
      break;
    case Attacher::Input::kEnd:
      client_input_ended();
      if (!(*client)->wants_output()) drop(client);
      break;
    case Attacher::Input::kDetached:
    case Attacher::Input::kGone:
      drop(client);
      break;
  }
}

void Stdio::client_input_ended() {
  // A terminal has no end of input: its user types ^D.
  if (is_terminal_ || !close_input_with_client_) return;
  input_closing_ = true;
  if (input_pending_.empty()) close_input();
}

void Stdio::drop(Attachers::iterator client) {
  const bool gave_input = (*client)->gives_input();
  loop_.remove((*client)->fd());
  ::shutdown((*client)->fd(), SHUT_RDWR);
  attachers_.erase(client);
  if (gave_input) client_input_ended();
}

void Stdio::update() {
  const bool blocked = std::any_of(attachers_.begin(), attachers_.end(),
                                   [](const auto& client) { return client->is_blocked(); });
  for (const auto& client : attachers_)
    loop_.modify(client->fd(), client_events(*client));
  if (blocked == paused_) return;
  paused_ = blocked;
  for (const Output* output : {&output_, &error_}) {
    if (!output->fd) continue;
    // With no event asked for, a pipe whose writers are gone still tells EPOLLHUP, over and over: a
    // paused one leaves the loop.
    if (paused_) {
      loop_.remove(output->fd.get());
    } else {
      Output& resumed = output == &output_ ? output_ : error_;
      loop_.add(output->fd.get(), EPOLLIN,
                [this, &resumed](std::uint32_t) { read_output(resumed); });
    }
  }
}

void Stdio::write_input() {
  while (!input_pending_.empty() && input_) {
    const ssize_t written = ::write(input_.get(), input_pending_.data(), input_pending_.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      // The container closed its input.
      close_input();
      break;
    }
    input_pending_.erase(0, static_cast<std::size_t>(written));
  }
  if (!input_) input_pending_.clear();
  const bool poll = input_ && !input_pending_.empty();
  if (poll && !input_polled_) {
    loop_.add(input_.get(), EPOLLOUT, [this](std::uint32_t) {
      write_input();
      update();
    });
  } else if (!poll && input_polled_ && input_) {
    loop_.remove(input_.get());
  }
  input_polled_ = poll;
  if (input_closing_ && input_pending_.empty()) close_input();
}

void Stdio::close_input() {
  if (!input_) return;
  if (input_polled_) loop_.remove(input_.get());
  input_polled_ = false;
  input_.reset();
}

void Stdio::resize(unsigned short rows, unsigned short columns) {
  if (!is_terminal_ || !output_.fd)
    throw Error(ErrorKind::kConflict, "the container has no terminal");
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  check_errno(::ioctl(output_.fd.get(), TIOCSWINSZ, &size), "ioctl", "TIOCSWINSZ");
}

void Stdio::drain(std::function<void()> done) {
  done_ = std::move(done);
  terminal_peer_.reset();
  loop_.after(kDrainLimit, [this] { finish(); });
  finish_if_drained();
}

void Stdio::finish_if_drained() {
  if (!done_ || !outputs_ended()) return;
  const bool blocked = std::any_of(attachers_.begin(), attachers_.end(),
                                   [](const auto& client) { return client->is_blocked(); });
  if (!blocked) finish();
}

void Stdio::finish() {
  if (!done_) return;
  for (Output* output : {&output_, &error_}) {
    if (output->fd) loop_.remove(output->fd.get());
    output->fd.reset();
  }
  close_input();
  log_.finish();
  while (!attachers_.empty())
    drop(attachers_.begin());
  const auto done = std::exchange(done_, nullptr);
  done();
}

}  // namespace berth::shim
