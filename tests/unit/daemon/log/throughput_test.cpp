// How fast a log is read: run by hand, with [.bench]. Figures, not verdicts.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>

#include <catch2/catch.hpp>
#include <stdlib.h>

#include "daemon/log/reader.hpp"

using namespace berth::logs;

TEST_CASE("throughput of reading", "[.bench]") {
  std::string pattern = (std::filesystem::temp_directory_path() / "berth-bench-XXXXXX").native();
  const std::filesystem::path folder = ::mkdtemp(pattern.data());
  constexpr int kLines = 2'000'000;
  {
    std::ofstream file(folder / "c.log");
    const std::string line = R"({"log":")" + std::string(99, 'x') +
                             R"(\n","stream":"stdout","time":"2024-01-01T00:00:00.123456789Z"})";
    for (int i = 0; i < kLines; ++i)
      file << line << "\n";
  }
  for (int round = 0; round < 3; ++round) {
    const auto begin = std::chrono::steady_clock::now();
    Reader reader(folder / "c.log", Format::kJson, {});
    std::string piece;
    std::size_t bytes = 0;
    bool more = true;
    while (more) {
      piece.clear();
      more = reader.read(piece, std::size_t{256} * 1024);
      bytes += piece.size();
    }
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    std::cout << bytes / 1000000 << " MB: " << static_cast<int>(kLines / 1e4 / seconds)
              << " MB/s of output\n";
  }
  std::filesystem::remove_all(folder);
}
