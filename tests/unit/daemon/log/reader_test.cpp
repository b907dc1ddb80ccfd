#include "daemon/log/reader.hpp"

#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <stdlib.h>
#include <zlib.h>

#include "common/file.hpp"
#include "common/file_identity.hpp"

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
      for (const std::string end : {"", ".gz"}) {
        const auto from = file().native() + "." + std::to_string(number) + end;
        const auto to = file().native() + "." + std::to_string(number + 1) + end;
        if (std::filesystem::exists(from)) std::filesystem::rename(from, to);
      }
    }
    std::filesystem::rename(file(), file().native() + ".1");
  }

  /// As the shim does it: what it was is in the header.
  void compress(int number, const std::string& last_time) const {
    const std::string from = file().native() + "." + std::to_string(number);
    std::string extra = R"({"lastTime":")" + last_time + R"(","identity":)" +
                        std::to_string(file_identity(open_file(from, O_RDONLY).get())) + "}";
    std::string plain = read_file(from);
    std::string packed(plain.size() + 1000, '\0');
    z_stream stream{};
    REQUIRE(::deflateInit2(&stream, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    gz_header header{};
    header.extra = reinterpret_cast<Bytef*>(extra.data());
    header.extra_len = static_cast<uInt>(extra.size());
    ::deflateSetHeader(&stream, &header);
    stream.next_in = reinterpret_cast<Bytef*>(plain.data());
    stream.avail_in = static_cast<uInt>(plain.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    REQUIRE(::deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(packed.size() - stream.avail_out);
    ::deflateEnd(&stream);
    std::ofstream(from + ".gz", std::ios::binary) << packed;
    std::filesystem::remove(from);
  }

 private:
  std::filesystem::path path_;
};

ReadOptions plain() {
  ReadOptions options;
  options.appearance.multiplexed = false;
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

TEST_CASE("rotated files are read from the oldest to the newest", "[log]") {
  const LogFolder folder;
  folder.append(0, 10);
  folder.rotate();
  folder.append(10, 20);
  folder.rotate();
  folder.append(20, 25);
  Reader reader(folder.file(), Format::kJson, plain());
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
  Reader reader(folder.file(), Format::kJson, options);
  CHECK(read_to_end(reader) == lines(15 - std::min(15, static_cast<int>(count)), 15));
  folder.append(15, 16);
  CHECK(read_to_end(reader) == lines(15, 16));
}

TEST_CASE("a reader that follows misses and repeats nothing when files rotate under it", "[log]") {
  const LogFolder folder;
  Reader reader(folder.file(), Format::kJson, plain());
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
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == lines(0, 10, 2));
  }
  SECTION("since and until") {
    options.since = parse_rfc3339("2024-01-01T00:00:03Z");
    options.until = parse_rfc3339("2024-01-01T00:00:06Z");
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == lines(3, 6));
    CHECK(reader.past_until());
  }
  SECTION("time stamps have nine digits") {
    options.appearance.timestamps = true;
    options.tail = 1;
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == "2024-01-01T00:00:09.500000000Z line 9\n");
  }
  SECTION("headers") {
    options.appearance.multiplexed = true;
    options.tail = 1;
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == std::string("\x02\0\0\0\0\0\0\x07line 9\n", 15));
  }
}

TEST_CASE("compressed files are read as what they were", "[log]") {
  const LogFolder folder;
  folder.append(0, 10);
  folder.rotate();
  folder.compress(1, "2024-01-01T00:00:09.5Z");
  folder.append(10, 20);
  folder.rotate();
  folder.append(20, 25);
  ReadOptions options = plain();
  SECTION("all") {
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == lines(0, 25));
  }
  SECTION("the last ones") {
    options.tail = GENERATE(1U, 15U, 16U, 20U, 25U, 30U);
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == lines(25 - std::min(25, static_cast<int>(*options.tail)), 25));
  }
  SECTION("those since a moment") {
    options.since = parse_rfc3339("2024-01-01T00:00:08Z");
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == lines(8, 25));
  }
  SECTION("none that is too old") {
    // Damaged, and nobody sees it.
    std::ofstream(folder.file().native() + ".2.gz", std::ios::app | std::ios::binary) << "xx";
    options.since = parse_rfc3339("2024-01-01T00:00:10Z");
    Reader reader(folder.file(), Format::kJson, options);
    CHECK(read_to_end(reader) == lines(10, 25));
  }
}

TEST_CASE("a follower is not confused by its file being compressed", "[log]") {
  const LogFolder folder;
  folder.append(0, 5);
  Reader reader(folder.file(), Format::kJson, plain());
  CHECK(read_to_end(reader) == lines(0, 5));
  folder.append(5, 10);
  folder.rotate();
  folder.compress(1, "2024-01-01T00:00:09.5Z");
  folder.append(10, 15);
  CHECK(read_to_end(reader) == lines(5, 15));
  folder.rotate();
  folder.compress(1, "2024-01-01T00:00:14.5Z");
  folder.append(15, 20);
  folder.rotate();
  folder.append(20, 21);
  CHECK(read_to_end(reader) == lines(15, 21));
}

TEST_CASE("the end of a line that is not written yet is waited for", "[log]") {
  const LogFolder folder;
  folder.append(0, 2);
  std::ofstream(folder.file(), std::ios::app) << R"({"log":"line 2\n","stream":"std)";
  ReadOptions options = plain();
  options.tail = 1;
  Reader reader(folder.file(), Format::kJson, options);
  CHECK(read_to_end(reader) == "line 1\n");
  std::ofstream(folder.file(), std::ios::app) << R"(out","time":"2024-01-01T00:00:02Z"})" << "\n";
  CHECK(read_to_end(reader) == "line 2\n");
}

TEST_CASE("details are encoded, behind the time", "[log]") {
  const LogFolder folder;
  std::ofstream(folder.file())
      << R"({"log":"x\n","stream":"stdout","attrs":{"b":"1,2","a":"\u00e4 &"},)"
      << R"("time":"2024-01-01T00:00:02Z"})" << "\n";
  ReadOptions options = plain();
  options.appearance.details = true;
  options.appearance.timestamps = true;
  Reader reader(folder.file(), Format::kJson, options);
  CHECK(read_to_end(reader) == "2024-01-01T00:00:02.000000000Z a=%C3%A4+%26,b=1%2C2 x\n");
}

TEST_CASE("a damaged log of the driver local says so, and ends there", "[log]") {
  const LogFolder folder;
  const std::string entry("\0\0\0\3\x1a\1x\0\0\0\3", 11);
  std::ofstream(folder.file(), std::ios::binary) << entry << entry << std::string(20, '\xff');
  ReadOptions options = plain();
  Reader reader(folder.file(), Format::kLocal, options);
  CHECK(read_to_end(reader) == "x\nx\nError grabbing logs: a log file is damaged\n");
  options.tail = 1;
  Reader last(folder.file(), Format::kLocal, options);
  CHECK(read_to_end(last) == "x\nError grabbing logs: a log file is damaged\n");
}

TEST_CASE("the last entries of the driver local are found by their sizes", "[log]") {
  const LogFolder folder;
  for (const char c : {'a', 'b', 'c'}) {
    std::ofstream(folder.file(), std::ios::binary | std::ios::app)
        << std::string("\0\0\0\3\x1a\1", 6) << c << std::string("\0\0\0\3", 4);
  }
  ReadOptions options = plain();
  options.tail = 2;
  Reader reader(folder.file(), Format::kLocal, options);
  CHECK(read_to_end(reader) == "b\nc\n");
}
