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
  {
    LogWriter log(directory.get(), {true, "c.log", 20'000'000, 5, {}});
    const std::string piece = lines();
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < kTotal; done += piece.size())
      log.append(Stream::kStdout, piece);
    report("log writer alone, 100-byte lines", since(begin));
  }
  LogWriter log(directory.get(), {true, "d.log", 20'000'000, 5, {}});
  report("pipe to log", pass(log, false, false));
  LogWriter both(directory.get(), {true, "e.log", 20'000'000, 5, {}});
  report("pipe to log and one client", pass(both, true, true));
  std::filesystem::remove_all(folder);
}

TEST_CASE("throughput of one client without a log", "[.bench]") {
  LogWriter none(-1, {});
  report("raw", pass(none, true, false));
  report("in frames", pass(none, true, true));
}
