#include "daemon/log/reader.hpp"

#include <fstream>

#include <catch2/catch.hpp>
#include <stdlib.h>

using namespace berth;
using namespace berth::logs;

namespace {

class LogFolder {
 public:
  LogFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").native();
    path_ = ::mkdtemp(pattern.data());
  }
  ~LogFolder() { std::filesystem::remove_all(path_); }
  LogFolder(const LogFolder&) = delete;
  LogFolder& operator=(const LogFolder&) = delete;

  std::filesystem::path file() const { return path_ / "c.log"; }

  void append(int from, int to) const {
    std::ofstream out(file(), std::ios::app);
    for (int i = from; i < to; ++i) {
      out << R"({"log":"line )" << i << R"(\n","stream":")" << (i % 2 == 0 ? "stdout" : "stderr")
          << R"(","time":"2024-01-01T00:00:)" << (i < 10 ? "0" : "") << i << R"(.5Z"})" << "\n";
    }
  }

  void rotate() const {
    for (int number = 8; number > 0; --number) {
      const auto from = file().native() + "." + std::to_string(number);
      if (std::filesystem::exists(from)) {
        std::filesystem::rename(from, file().native() + "." + std::to_string(number + 1));
      }
    }
    std::filesystem::rename(file(), file().native() + ".1");
  }

 private:
  std::filesystem::path path_;
};

ReadOptions plain() {
  ReadOptions options;
  options.multiplexed = false;
  return options;
}

std::string lines(int from, int to, int step = 1) {
  std::string text;
  for (int i = from; i < to; i += step)
    text += "line " + std::to_string(i) + "\n";
  return text;
}

std::string read_to_end(Reader& reader) {
  std::string text;
  while (reader.read(text, text.size() + 100)) {
  }
  return text;
}

}  // namespace

TEST_CASE("an entry is decoded with all its escapes", "[log]") {
  Entry entry;
  REQUIRE(decode_entry(
      R"({"log":"a\"b\\c\t\u003cd\u003e\n","stream":"stderr","time":"2024-01-01T00:00:00Z"})",
      entry));
  CHECK(entry.message == "a\"b\\c\t<d>\n");
  CHECK(entry.stream == Stream::kStderr);
  CHECK(entry.time == "2024-01-01T00:00:00Z");
  REQUIRE(decode_entry(
      R"({"log":"\u2028\ufffd","stream":"stdout","attrs":{"a":"b"},"time":"2024-01-01T00:00:00Z"})",
      entry));
  CHECK(entry.message == "\u2028\ufffd");
  CHECK(entry.attributes_json == R"({"a":"b"})");
  CHECK_FALSE(decode_entry(R"({"log":"cut by a cra)", entry));
  CHECK_FALSE(decode_entry("", entry));
}

TEST_CASE("rotated files are read from the oldest to the newest", "[log]") {
  const LogFolder folder;
  folder.append(0, 10);
  folder.rotate();
  folder.append(10, 20);
  folder.rotate();
  folder.append(20, 25);
  Reader reader(folder.file(), plain());
  CHECK(read_to_end(reader) == lines(0, 25));
}

TEST_CASE("tail counts over rotations", "[log]") {
  const LogFolder folder;
  folder.append(0, 10);
  folder.rotate();
  folder.append(10, 15);
  const auto count = GENERATE(0U, 1U, 4U, 5U, 6U, 15U, 100U);
  ReadOptions options = plain();
  options.tail = count;
  Reader reader(folder.file(), options);
  CHECK(read_to_end(reader) == lines(15 - std::min(15, static_cast<int>(count)), 15));
  folder.append(15, 16);
  CHECK(read_to_end(reader) == lines(15, 16));
}

TEST_CASE("a reader that follows misses and repeats nothing when files rotate under it", "[log]") {
  const LogFolder folder;
  Reader reader(folder.file(), plain());
  CHECK(read_to_end(reader).empty());
  std::string seen;
  int written = 0;
  for (int round = 0; round < 12; ++round) {
    folder.append(written, written + 3);
    written += 3;
    if (round % 3 == 0) seen += read_to_end(reader);
    folder.append(written, written + 1);
    written += 1;
    if (round % 2 == 0) folder.rotate();
    if (round % 4 == 0) seen += read_to_end(reader);
  }
  seen += read_to_end(reader);
  CHECK(seen == lines(0, written));
}

TEST_CASE("streams, times and headers", "[log]") {
  const LogFolder folder;
  folder.append(0, 10);
  ReadOptions options = plain();
  SECTION("one stream") {
    options.stderr_stream = false;
    Reader reader(folder.file(), options);
    CHECK(read_to_end(reader) == lines(0, 10, 2));
  }
  SECTION("since and until") {
    options.since = parse_rfc3339("2024-01-01T00:00:03Z");
    options.until = parse_rfc3339("2024-01-01T00:00:06Z");
    Reader reader(folder.file(), options);
    CHECK(read_to_end(reader) == lines(3, 6));
    CHECK(reader.past_until());
  }
  SECTION("time stamps have nine digits") {
    options.timestamps = true;
    options.tail = 1;
    Reader reader(folder.file(), options);
    CHECK(read_to_end(reader) == "2024-01-01T00:00:09.500000000Z line 9\n");
  }
  SECTION("headers") {
    options.multiplexed = true;
    options.tail = 1;
    Reader reader(folder.file(), options);
    CHECK(read_to_end(reader) == std::string("\x02\0\0\0\0\0\0\x07line 9\n", 15));
  }
}
