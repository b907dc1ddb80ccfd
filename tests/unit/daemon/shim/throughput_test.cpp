// How fast output passes through: run by hand, with [.bench]. Figures, not verdicts: a busy machine
// must fail nobody's build.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <thread>
#include <vector>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/file.hpp"
#include "daemon/shim/file_sinks.hpp"
#include "daemon/shim/stdio.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

constexpr std::size_t kTotal = std::size_t{1} << 30U;
constexpr std::size_t kPiece = std::size_t{64} * 1024;

/// 64 KiB of lines of 100 bytes, as a program with a buffer writes them.
std::string lines() {
  std::string text;
  while (text.size() < kPiece)
    text += std::string(99, static_cast<char>('a' + text.size() / 100 % 26)) + "\n";
  return text;
}

double since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void report(const char* what, double seconds) {
  std::cout << what << ": " << static_cast<int>(static_cast<double>(kTotal) / seconds / 1e6)
            << " MB/s\n";
}

/// A log of the file named, with rotation.
template <typename Sink>
struct Log {
  Log(int folder, const std::string& file, bool compress) {
    LogWriter::Sinks sinks;
    const LogFileSettings settings{file, 20'000'000, 5, compress};
    sinks.push_back(std::make_unique<Sink>(loop, folder, settings, LogAttributes(), events));
    writer = LogWriter(std::move(sinks));
  }
  Loop loop;
  LogEvents events;
  LogWriter writer;
};

template <typename Sink>
void write_alone(const char* what, int folder, bool compress) {
  Log<Sink> log(folder, "c.log", compress);
  const std::string piece = lines();
  const auto begin = std::chrono::steady_clock::now();
  for (std::size_t done = 0; done < kTotal; done += piece.size())
    log.writer.append(Stream::kStdout, piece);
  report(what, since(begin));
}

/// A process that writes `kTotal` bytes, a shim between, and perhaps a client that reads.
double pass(LogWriter& log, bool with_client, bool multiplexed) {
  Loop loop;
  Stdio stdio(loop, &log);
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  stdio.use_pipes(Fd(), std::move(output.read), std::move(error.read), false);
  error.write.reset();
  Fd client;
  if (with_client) {
    SocketPair pair = make_socket_pair(SOCK_STREAM);
    stdio.attach(std::move(pair.first), {false, true, true, multiplexed, ""}, "");
    client = std::move(pair.second);
  }
  const auto begin = std::chrono::steady_clock::now();
  std::jthread writer([&, end = std::move(output.write)] {
    const std::string piece = lines();
    for (std::size_t done = 0; done < kTotal; done += piece.size())
      write_all(end.get(), piece, "pipe");
  });
  std::jthread reader([&] {
    std::vector<char> buffer(std::size_t{256} * 1024);
    while (client && ::read(client.get(), buffer.data(), buffer.size()) > 0) {
    }
  });
  stdio.drain([&] { loop.stop(); });
  loop.run();
  reader.join();
  return since(begin);
}

}  // namespace

TEST_CASE("throughput of the log", "[.bench]") {
  std::string pattern = (std::filesystem::temp_directory_path() / "berth-bench-XXXXXX").native();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  const Fd directory = open_file(folder, O_RDONLY | O_DIRECTORY);
  write_alone<JsonSink>("json-file alone, 100-byte lines", directory.get(), false);
  write_alone<JsonSink>("json-file that compresses beside", directory.get(), true);
  write_alone<LocalSink>("local alone, 100-byte lines", directory.get(), false);
  Log<JsonSink> log(directory.get(), "d.log", false);
  report("pipe to log", pass(log.writer, false, false));
  Log<JsonSink> both(directory.get(), "e.log", false);
  report("pipe to log and one client", pass(both.writer, true, true));
  std::filesystem::remove_all(folder);
}

TEST_CASE("throughput of one client without a log", "[.bench]") {
  LogWriter none;
  report("raw", pass(none, true, false));
  report("in frames", pass(none, true, true));
}
