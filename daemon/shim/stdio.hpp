// A container's standard streams: from its pipes or terminal to the log and to whoever is attached,
// and from those to its input.
//
// A client that takes output more slowly than the container writes it slows the container down, as
// a pipe would; one that is gone is forgotten.
#pragma once

#include <functional>
#include <list>
#include <memory>
#include <string>

#include "common/fd.hpp"
#include "daemon/shim/attacher.hpp"
#include "daemon/shim/log_writer.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

class Stdio {
 public:
  Stdio(Loop& loop, LogWriter& log) : loop_(loop), log_(log) {}
  ~Stdio();
  Stdio(const Stdio&) = delete;
  Stdio& operator=(const Stdio&) = delete;

  /// Our ends of the container's pipes. `input` may be empty: the container reads end of file.
  void use_pipes(Fd input, Fd output, Fd error, bool close_input_with_client);
  /// The master end of the container's terminal.
  void use_terminal(Fd master);
  bool has_terminal() const noexcept { return is_terminal_; }

  void attach(Fd stream, AttachSettings settings, std::string_view early_input);

  /// Throws Error when there is no terminal.
  void resize(unsigned short rows, unsigned short columns);

  /// The container's process ended: what is left in the pipes is passed on, then `done` is called
  /// and no client is attached any more.
  void drain(std::function<void()> done);

 private:
  struct Output {
    Fd fd;
    Stream stream;
  };
  using Attachers = std::list<std::unique_ptr<Attacher>>;

  void add_output(Output& output, Fd fd);
  void read_output(Output& output);
  void end_output(Output& output);
  void deliver(Stream stream, std::string_view data);
  bool outputs_ended() const noexcept { return !output_.fd && !error_.fd; }

  void on_client(Attachers::iterator client, std::uint32_t events);
  void read_client(Attachers::iterator client);
  void client_input_ended();
  void drop(Attachers::iterator client);
  void update();
  std::uint32_t client_events(const Attacher& client) const;

  void write_input();
  void close_input();

  void finish_if_drained();
  void finish();

  Loop& loop_;
  LogWriter& log_;
  Output output_{Fd(), Stream::kStdout};
  Output error_{Fd(), Stream::kStderr};
  bool is_terminal_ = false;
  Fd terminal_peer_;  // keeps the master readable while no process has the terminal open
  Fd input_;          // of a terminal, a second descriptor of its master
  bool input_polled_ = false;
  bool close_input_with_client_ = false;
  bool input_closing_ = false;
  std::string input_pending_;
  Attachers attachers_;
  bool paused_ = false;
  std::function<void()> done_;
};

}  // namespace berth::shim
