// The standard streams of a container or of a session in it: from its pipes or terminal to the log
// and to whoever is attached, and from those to its input.
//
// A client or a log that takes output more slowly than the container writes it slows the container
// down, as a pipe would; a client that is gone is forgotten.
#pragma once

#include <functional>
#include <list>
#include <string>

#include "common/fd.hpp"
#include "daemon/shim/attacher.hpp"
#include "daemon/shim/input.hpp"
#include "daemon/shim/log_writer.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

class Stdio {
 public:
  /// `log` may be null: then output is for clients alone.
  Stdio(Loop& loop, LogWriter* log) : loop_(loop), log_(log) {}
  ~Stdio();
  Stdio(const Stdio&) = delete;
  Stdio& operator=(const Stdio&) = delete;

  /// Our ends of the pipes; any may be empty. Without an `input` the process reads end of file.
  void use_pipes(Fd input, Fd output, Fd error, bool close_input_with_client);
  /// The master end of the container's terminal.
  void use_terminal(Fd master);

  /// `stream` is a stream socket; `early_input` is what came on it before. Throws Error; then the
  /// client is not attached.
  void attach(Fd stream, AttachSettings settings, std::string_view early_input);

  /// Called whenever a client goes by its detach keys.
  void when_detached(std::function<void()> tell) { detached_ = std::move(tell); }

  /// Tells every client, whatever it asked for, in a stream of output.
  void say(std::string_view text);

  /// The log was full (LogWriter::is_full()) and is no more.
  void log_ready() { update(); }

  /// Throws Error when there is no terminal.
  void resize(unsigned short rows, unsigned short columns);

  /// The container's process ended: what is left in the pipes is passed on, then `done` is called
  /// and no client is attached any more. Somebody outside the container who keeps a pipe open is
  /// not waited for.
  void drain(std::function<void()> done);

 private:
  struct Output {
    Fd fd;
    Stream stream;
    bool polled = false;
  };
  struct Client {
    Client(Fd stream, AttachSettings settings) : attacher(std::move(stream), std::move(settings)) {}
    Attacher attacher;
    bool polled = false;
    std::uint32_t events = 0;
  };
  using Clients = std::list<Client>;

  void add_output(Output& output, Fd fd);
  void read_output(Output& output);
  void end_output(Output& output);
  void poll_output(Output& output, bool on);
  void deliver(Stream stream, std::string_view data);
  void release_memory_later();

  void on_client(Clients::iterator client, std::uint32_t events);
  void read_client(Clients::iterator client);
  void client_input_ended();
  void drop(Clients::iterator client);
  void detach(Clients::iterator client);
  bool any_client_blocked() const;
  void update();
  void watch(Clients::iterator client);

  void await_silence();
  void finish_if_drained();
  void finish();

  Loop& loop_;
  LogWriter* log_;
  Output output_{Fd(), Stream::kStdout};
  Output error_{Fd(), Stream::kStderr};
  Input input_{loop_, [this] { update(); }};
  Fd terminal_peer_;  // keeps the master readable while no process has the terminal open
  bool is_terminal_ = false;
  bool close_input_with_client_ = false;
  Clients clients_;
  std::function<void()> done_;
  std::function<void()> detached_;
  Loop::Timer silence_ = 0;
  Loop::Timer limit_ = 0;
  Loop::Timer memory_release_ = 0;
};

}  // namespace berth::shim
