#include "daemon/shim/stdio.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include "common/error.hpp"
#include "daemon/shim/memory.hpp"

namespace berth::shim {

namespace {

using std::chrono::seconds;

constexpr std::size_t kPage = 4096;
constexpr std::size_t kChunk = std::size_t{128} * 1024;
constexpr int kPipeSize = 256 * 1024;
// How long nothing may happen after the process's end, when somebody outside keeps a pipe open or a
// client takes nothing, and how long all of it may last.
constexpr seconds kSilenceLimit{2};
constexpr seconds kDrainLimit{30};
// What a client may have waiting by then. It is more than full pipes hold: only somebody outside
// who goes on writing gets there.
constexpr std::size_t kMostUnsent = std::size_t{4} << 20U;
// Memory that a burst of output took is kept for this long.
constexpr seconds kMemoryKept{1};
constexpr std::size_t kBurst = std::size_t{8} * 1024;

/// One buffer for all reads: a page of it is memory only once that much was read at a time.
struct alignas(kPage) ReadBuffer {
  std::array<char, kChunk> bytes;
};
ReadBuffer& read_buffer() {
  static ReadBuffer buffer;
  return buffer;
}

}  // namespace

Stdio::~Stdio() {
  for (Output* output : {&output_, &error_})
    poll_output(*output, false);
  for (const Client& client : clients_)
    if (client.polled) loop_.remove(client.attacher.fd());
  for (const Loop::Timer timer : {silence_, limit_, memory_release_})
    loop_.cancel(timer);
}

void Stdio::use_pipes(Fd input, Fd output, Fd error, bool close_input_with_client) {
  close_input_with_client_ = close_input_with_client;
  if (input) {
    set_nonblocking(input.get(), true);
    input_.open(std::move(input));
  }
  for (const Fd* pipe : {&output, &error}) {
    // Fewer switches between the container and us; the default stays where the user's quota is used
    // up.
    if (*pipe) (void)::fcntl(pipe->get(), F_SETPIPE_SZ, kPipeSize);
  }
  if (output) add_output(output_, std::move(output));
  if (error) add_output(error_, std::move(error));
}

void Stdio::use_terminal(Fd master) {
  is_terminal_ = true;
  terminal_peer_.reset(::ioctl(master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  input_.open(master.duplicate());
  add_output(output_, std::move(master));
}

// --- output --------------------------------------------------------------------------------------

void Stdio::add_output(Output& output, Fd fd) {
  set_nonblocking(fd.get(), true);
  output.fd = std::move(fd);
  poll_output(output, true);
}

void Stdio::poll_output(Output& output, bool on) {
  if (!output.fd || on == output.polled) return;
  // With no event asked for, a pipe whose writers are gone still tells EPOLLHUP, over and over: one
  // that is not to be read leaves the loop.
  if (on) {
    loop_.add(output.fd.get(), EPOLLIN, [this, &output](std::uint32_t) { read_output(output); });
  } else {
    loop_.remove(output.fd.get());
  }
  output.polled = on;
}

void Stdio::read_output(Output& output) {
  auto& buffer = read_buffer().bytes;
  ssize_t got = 0;
  do {
    got = ::read(output.fd.get(), buffer.data(), buffer.size());
  } while (got < 0 && errno == EINTR);
  if (got > 0) {
    const auto length = static_cast<std::size_t>(got);
    if (length >= kBurst) release_memory_later();
    deliver(output.stream, {buffer.data(), length});
    await_silence();
  } else if (got == 0 || errno != EAGAIN) {
    // A terminal that no process has open any more reads EIO.
    end_output(output);
  }
}

void Stdio::end_output(Output& output) {
  poll_output(output, false);
  output.fd.reset();
  if (is_terminal_) input_.close();
  finish_if_drained();
}

void Stdio::deliver(Stream stream, std::string_view data) {
  if (log_ != nullptr) log_->append(stream, data);
  for (auto client = clients_.begin(); client != clients_.end();) {
    const auto present = client++;
    Attacher& attacher = present->attacher;
    if (!attacher.wants(stream)) continue;
    const bool overfull = attacher.unsent() > kMostUnsent;
    if (overfull || !attacher.send(stream, data)) drop(present);
  }
  update();
}

void Stdio::release_memory_later() {
  if (memory_release_ != 0) return;
  memory_release_ = loop_.after(kMemoryKept, [this] {
    memory_release_ = 0;
    (void)::madvise(&read_buffer(), sizeof(ReadBuffer), MADV_DONTNEED);
    if (log_ != nullptr) log_->release_memory();
    give_memory_back();
  });
}

// --- clients -------------------------------------------------------------------------------------

void Stdio::attach(Fd stream, AttachSettings settings, std::string_view early_input) {
  set_nonblocking(stream.get(), true);
  settings.standard_input = settings.standard_input && input_.is_open();
  if (!is_terminal_) settings.detach_keys.clear();
  clients_.emplace_back(std::move(stream), std::move(settings));
  const auto client = std::prev(clients_.end());
  try {
    watch(client);
  } catch (const Error&) {
    clients_.erase(client);
    throw;
  }
  if (client->attacher.gives_input() && !early_input.empty()) {
    const Attacher::Typed typed = client->attacher.feed(early_input, input_.pending());
    input_.write();
    if (typed == Attacher::Typed::kDetached) detach(client);
    update();
  }
}

void Stdio::watch(Clients::iterator client) {
  const Attacher& attacher = client->attacher;
  std::uint32_t events = 0;
  // Input that the container does not take yet is left with the client.
  if (attacher.gives_input() && input_.accepts()) events |= EPOLLIN;
  if (attacher.is_blocked()) events |= EPOLLOUT;
  // A hang-up is told over and over: who hung up is listened to only when there is something to do.
  const bool poll = events != 0 || !attacher.is_hung_up();
  if (poll && !client->polled) {
    loop_.add(attacher.fd(), events,
              [this, client](std::uint32_t happened) { on_client(client, happened); });
  } else if (!poll && client->polled) {
    loop_.remove(attacher.fd());
  } else if (poll && events != client->events) {
    loop_.modify(attacher.fd(), events);
  }
  client->polled = poll;
  client->events = events;
}

void Stdio::update() {
  // After the container's end nothing waits for a client any more.
  const bool log_full = log_ != nullptr && log_->is_full();
  const bool read_on = (done_ || !any_client_blocked()) && !log_full;
  for (auto client = clients_.begin(); client != clients_.end(); ++client)
    watch(client);
  poll_output(output_, read_on);
  poll_output(error_, read_on);
}

void Stdio::on_client(Clients::iterator client, std::uint32_t events) {
  Attacher& attacher = client->attacher;
  bool gone = false;
  if ((events & EPOLLOUT) != 0) {
    const std::size_t before = attacher.unsent();
    gone = !attacher.flush();
    if (attacher.unsent() < before) await_silence();
  }
  if ((events & (EPOLLHUP | EPOLLERR)) != 0 && !gone) {
    gone = !attacher.gives_input();
    if (!gone) attacher.hang_up();
  }
  if (gone) {
    drop(client);
  } else if ((events & EPOLLIN) != 0 && attacher.gives_input()) {
    read_client(client);
  }
  update();
  finish_if_drained();
}

void Stdio::read_client(Clients::iterator client) {
  const Attacher::Typed typed = client->attacher.receive(input_.pending());
  input_.write();
  switch (typed) {
    case Attacher::Typed::kData:
    case Attacher::Typed::kNothing:
      break;
    case Attacher::Typed::kEnd:
      client_input_ended();
      if (!client->attacher.wants_output()) drop(client);
      break;
    case Attacher::Typed::kDetached:
      detach(client);
      break;
    case Attacher::Typed::kGone:
      drop(client);
      break;
  }
}

void Stdio::detach(Clients::iterator client) {
  drop(client);
  if (detached_) detached_();
}

void Stdio::client_input_ended() {
  // A terminal has no end of input: its user types ^D.
  if (!is_terminal_ && close_input_with_client_) input_.close_when_written();
}

void Stdio::drop(Clients::iterator client) {
  const bool gave_input = client->attacher.gives_input();
  if (client->polled) loop_.remove(client->attacher.fd());
  clients_.erase(client);
  if (gave_input) client_input_ended();
}

void Stdio::say(std::string_view text) {
  for (auto client = clients_.begin(); client != clients_.end();) {
    const auto present = client++;
    if (!present->attacher.send(Stream::kStdout, text)) drop(present);
  }
  update();
}

bool Stdio::any_client_blocked() const {
  return std::any_of(clients_.begin(), clients_.end(),
                     [](const Client& client) { return client.attacher.is_blocked(); });
}

void Stdio::resize(unsigned short rows, unsigned short columns) {
  if (!is_terminal_ || !output_.fd)
    throw Error(ErrorKind::kConflict, "the container has no terminal");
  winsize size{};
  size.ws_row = rows;
  size.ws_col = columns;
  check_errno(::ioctl(output_.fd.get(), TIOCSWINSZ, &size), "ioctl", "TIOCSWINSZ");
}

// --- the end -------------------------------------------------------------------------------------

void Stdio::drain(std::function<void()> done) {
  done_ = std::move(done);
  terminal_peer_.reset();
  limit_ = loop_.after(kDrainLimit, [this] { finish(); });
  await_silence();
  for (Client& client : clients_)
    client.attacher.enlarge_buffer();
  update();
  finish_if_drained();
}

void Stdio::await_silence() {
  if (!done_) return;
  loop_.cancel(silence_);
  silence_ = loop_.after(kSilenceLimit, [this] { finish(); });
}

void Stdio::finish_if_drained() {
  if (done_ && !output_.fd && !error_.fd && !any_client_blocked()) finish();
}

void Stdio::finish() {
  if (!done_) return;
  for (Output* output : {&output_, &error_}) {
    poll_output(*output, false);
    output->fd.reset();
  }
  input_.close();
  if (log_ != nullptr) log_->finish();
  while (!clients_.empty())
    drop(clients_.begin());
  loop_.cancel(silence_);
  loop_.cancel(limit_);
  const auto done = std::exchange(done_, nullptr);
  done();
}

}  // namespace berth::shim
