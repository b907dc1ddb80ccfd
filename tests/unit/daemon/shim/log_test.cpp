#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.hpp"
#include "daemon/log/reader.hpp"
#include "daemon/shim/file_sinks.hpp"
#include "daemon/shim/json_line.hpp"
#include "daemon/shim/log_writer.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").native();
    path_ = ::mkdtemp(pattern.data());
    fd_ = open_file(path_, O_RDONLY | O_DIRECTORY);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  int fd() const { return fd_.get(); }
  std::string read(const std::string& name) const { return read_file(path_ / name); }
  const std::filesystem::path& path() const { return path_; }
  bool has(const std::string& name) const { return std::filesystem::exists(path_ / name); }

 private:
  std::filesystem::path path_;
  Fd fd_;
};

/// A log on its own: a writer, its sink, and what that tells.
template <typename Sink>
struct Log {
  Log(const Folder& folder, LogFileSettings settings, const LogAttributes& attributes = {})
      : writer(sinks(folder, std::move(settings), attributes)) {}

  LogWriter::Sinks sinks(const Folder& folder, LogFileSettings settings,
                         const LogAttributes& attributes) {
    events.lost = [this](std::uint64_t lines, const std::string& text) {
      lost_lines += lines;
      why = text;
      ++told;
    };
    LogWriter::Sinks list;
    list.push_back(
        std::make_unique<Sink>(loop, folder.fd(), std::move(settings), attributes, events));
    return list;
  }

  void append(Stream stream, std::string_view data) { writer.append(stream, data); }
  void finish() { writer.finish(); }

  /// Until what goes on in the background has come to `done`.
  template <typename Condition>
  void turn_until(Condition done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!done() && std::chrono::steady_clock::now() < limit) {
      loop.after(std::chrono::milliseconds(1), [this] { loop.stop(); });
      loop.run();
    }
    REQUIRE(done());
  }

  Loop loop;
  LogEvents events;
  std::uint64_t lost_lines = 0;
  std::string why;
  int told = 0;
  LogWriter writer;
};
using JsonLog = Log<JsonSink>;
using LocalLog = Log<LocalSink>;

std::string all_of(const Folder& folder, logs::Format format, logs::ReadOptions options = {}) {
  options.appearance.multiplexed = false;
  logs::Reader reader(folder.path() / "c.log", format, options);
  std::string text;
  while (reader.read(text, text.size() + 1)) {
  }
  return text;
}

std::string numbered(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += "line " + std::to_string(i) + "\n";
  return text;
}

std::string encode(std::string_view message) {
  // Guarded on both sides: what is written stays within the bound.
  std::string room(json_line_bound(message.size()) + 1, '\x7e');
  const char* end = write_json_line(room.data(), message, Stream::kStdout, "T");
  const auto length = static_cast<std::size_t>(end - room.data());
  REQUIRE(length < room.size());
  REQUIRE(room.back() == '\x7e');
  const std::string line = room.substr(0, length);
  const std::string_view prefix = R"({"log":")";
  const std::string_view suffix = "\",\"stream\":\"stdout\",\"time\":\"T\"}\n";
  REQUIRE(line.starts_with(prefix));
  REQUIRE(line.ends_with(suffix));
  return line.substr(prefix.size(), line.size() - prefix.size() - suffix.size());
}

std::size_t count_lines(const std::string& text) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

}  // namespace

TEST_CASE("a message is escaped as Docker's encoder does", "[log]") {
  CHECK(encode("plain text\n") == R"(plain text\n)");
  CHECK(encode("\"\\\t\r\x01\x1b") == R"(\"\\\u0009\r\u0001\u001b)");
  CHECK(encode("\x7f") == "\x7f");
  CHECK(encode("") == "");
  CHECK(encode("<a>&") == R"(\u003ca\u003e\u0026)");
  CHECK(encode("h\u00e4fen \u20ac \U0001f6a2") == "h\u00e4fen \u20ac \U0001f6a2");
  CHECK(encode("\u2028\u2029") == R"(\u2028\u2029)");
}

TEST_CASE("bytes that are no UTF-8 are replaced one by one", "[log]") {
  CHECK(encode("a\xff\xfe"
               "b") == R"(a\ufffd\ufffdb)");
  CHECK(encode("\xc0\xaf") == R"(\ufffd\ufffd)");                      // overlong
  CHECK(encode("\xed\xa0\x80") == R"(\ufffd\ufffd\ufffd)");            // surrogate
  CHECK(encode("\xf4\x90\x80\x80") == R"(\ufffd\ufffd\ufffd\ufffd)");  // beyond U+10FFFF
  CHECK(encode("cut \xe2\x82") == R"(cut \ufffd\ufffd)");
}

TEST_CASE("lines are put together from any portions", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"c.log", -1, 1, false});
  log.append(Stream::kStdout, "one\ntw");
  log.append(Stream::kStderr, "error\n");
  log.append(Stream::kStdout, "o\nthr");
  CHECK(count_lines(folder.read("c.log")) == 3);
  log.append(Stream::kStdout, "ee");
  log.finish();
  const std::string text = folder.read("c.log");
  CHECK(count_lines(text) == 4);
  CHECK(text.find(R"({"log":"two\n","stream":"stdout")") != std::string::npos);
  CHECK(text.find(R"({"log":"three","stream":"stdout")") != std::string::npos);
  CHECK(text.find(R"({"log":"error\n","stream":"stderr")") != std::string::npos);
}

TEST_CASE("a line without an end is cut at 16 KiB", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"c.log", -1, 1, false});
  log.append(Stream::kStdout, std::string(40 * 1024, 'x'));
  log.finish();
  CHECK(count_lines(folder.read("c.log")) == 3);
}

TEST_CASE("rotation keeps so many files and each within its size", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"c.log", 1000, 3, false});
  for (int i = 0; i < 100; ++i)
    log.append(Stream::kStdout, "line " + std::to_string(i) + "\n");
  CHECK(folder.has("c.log.1"));
  CHECK(folder.has("c.log.2"));
  CHECK_FALSE(folder.has("c.log.3"));
  CHECK(folder.read("c.log.1").size() <= 1100);
  CHECK(folder.read("c.log.1").find("line 9") != std::string::npos);
}

TEST_CASE("a log that cannot be written counts what is lost and harms nobody", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"no/such/folder/c.log", -1, 1, false});
  log.append(Stream::kStdout, "one\ntwo\n");
  CHECK(log.lost_lines == 2);
}

TEST_CASE("escapes are found at every place of a block and of what is left behind it", "[log]") {
  for (std::size_t length = 1; length < 70; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      std::string message(length, 'x');
      message[place] = '"';
      std::string expected(length + 1, 'x');
      expected.replace(place, 2, "\\\"");
      REQUIRE(encode(message) == expected);
      message[place] = '\xff';
      expected.replace(place, 2, "\\ufffd");
      REQUIRE(encode(message) == expected);
    }
  }
}

TEST_CASE("the worst line fits into its bound", "[log]") {
  const std::string message(16 * 1024, '\x01');
  CHECK(encode(message).size() == message.size() * 6);
}

TEST_CASE("nothing is left behind when rotation keeps one file", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"c.log", 500, 1, false});
  for (int i = 0; i < 50; ++i)
    log.append(Stream::kStdout, "line " + std::to_string(i) + "\n");
  CHECK(folder.read("c.log").size() <= 600);
  CHECK(folder.read("c.log").find("line 49") != std::string::npos);
  CHECK_FALSE(folder.has("c.log.1"));
}

TEST_CASE("a log that was there is gone on with, and a link in its place is not followed",
          "[log]") {
  const Folder folder;
  {
    JsonLog log(folder, {"c.log", -1, 1, false});
    log.append(Stream::kStdout, "one\n");
  }
  JsonLog log(folder, {"c.log", -1, 1, false});
  log.append(Stream::kStdout, "two\n");
  CHECK(count_lines(folder.read("c.log")) == 2);
  REQUIRE(::symlinkat("c.log", folder.fd(), "link.log") == 0);
  JsonLog linked(folder, {"link.log", -1, 1, false});
  linked.append(Stream::kStdout, "three\n");
  CHECK(linked.lost_lines == 1);
}

TEST_CASE("a full disk costs lines, says so, and leaves no half line", "[log]") {
  // A file that may not grow further refuses like a full disk does.
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    JsonLog log(folder, {"c.log", -1, 1, false});
    for (int i = 0; i < 100; ++i)
      log.append(Stream::kStdout, "a line of the container\n");
    ::_exit(log.told > 50 && log.lost_lines > 50 && log.why.find("too large") != std::string::npos
                ? 0
                : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  const std::string text = folder.read("c.log");
  CHECK(text.size() > 800);
  CHECK(text.ends_with("Z\"}\n"));
}

TEST_CASE("the clock drops zeros at the end as Go does", "[log]") {
  LineClock clock;
  CHECK(clock.format({1714979289, 123456789}) == "2024-05-06T07:08:09.123456789Z");
  CHECK(clock.format({1714979289, 120000000}) == "2024-05-06T07:08:09.12Z");
  CHECK(clock.format({1714979289, 0}) == "2024-05-06T07:08:09Z");
  CHECK(clock.format({1714979289, 5}) == "2024-05-06T07:08:09.000000005Z");
  CHECK(clock.format({1714979290, 1000}) == "2024-05-06T07:08:10.000001Z");
}

TEST_CASE("parts of a long line are told apart from whole ones", "[log]") {
  const Folder folder;
  LocalLog log(folder, {"c.log", -1, 1, false});
  const std::string half(kLineLimit, 'x');
  log.append(Stream::kStdout, half + half + "end\n" + "short\n");
  log.append(Stream::kStderr, "no end");
  log.finish();
  // Put together again by their reader, to the byte.
  CHECK(all_of(folder, logs::Format::kLocal) == half + half + "end\nshort\nno end");
  // Five entries; the parts bear one id of 64 digits, and ordinals.
  const std::string bytes = folder.read("c.log");
  const std::size_t first = bytes.find("\x12\x40");
  REQUIRE(first != std::string::npos);
  const std::string id = bytes.substr(first + 2, 64);
  CHECK(bytes.substr(first + 66, 2) == "\x18\x01");
  const std::size_t third = bytes.rfind(id);
  CHECK(bytes.substr(third - 4, 2) == "\x08\x01");  // the last one
  CHECK(bytes.substr(third + 64, 2) == "\x18\x03");
  logs::ReadOptions options;
  options.tail = 2;
  CHECK(all_of(folder, logs::Format::kLocal, options) == "short\nno end");
}

TEST_CASE("what the driver local writes is read, with times, attributes and empty lines", "[log]") {
  const Folder folder;
  LocalLog log(folder, {"c.log", -1, 1, false}, {{"tag", "web"}, {"a", std::string(300, 'b')}});
  log.append(Stream::kStdout, "\n\xff not UTF-8\n");
  logs::ReadOptions options;
  options.appearance.details = true;
  const std::string details = "a=" + std::string(300, 'b') + ",tag=web ";
  CHECK(all_of(folder, logs::Format::kLocal, options) ==
        details + "\n" + details + "\xff not UTF-8\n");
  options.appearance = {true, false, false};
  CHECK(all_of(folder, logs::Format::kLocal, options).substr(29, 3) == "Z \n");
  options = {};
  options.since = now();
  CHECK(all_of(folder, logs::Format::kLocal, options).empty());
}

TEMPLATE_TEST_CASE("rotated files are compressed, and read all the same", "[log]", JsonLog,
                   LocalLog) {
  const Folder folder;
  TestType log(folder, {"c.log", 20'000, 50, true});
  log.append(Stream::kStdout, numbered(3000));
  log.turn_until([&] { return folder.has("c.log.1.gz") && !folder.has("c.log.1"); });
  log.turn_until([&] { return folder.has("c.log.3.gz") && !folder.has("c.log.3"); });
  const auto format =
      std::is_same_v<TestType, JsonLog> ? logs::Format::kJson : logs::Format::kLocal;
  CHECK(all_of(folder, format) == numbered(3000));
  logs::ReadOptions options;
  options.tail = 2500;
  CHECK(all_of(folder, format, options) == numbered(3000).substr(numbered(500).size()));
  CHECK(log.lost_lines == 0);
  log.turn_until([&] { return !folder.has("c.log.gz.tmp"); });
}

TEST_CASE("files are compressed while others are rotated behind them", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"c.log", 2000, 200, true});
  int written = 0;
  std::string expected;
  for (int round = 0; round < 200; ++round) {
    for (int i = 0; i < 10; ++i, ++written) {
      const std::string line = "line " + std::to_string(written) + "\n";
      log.append(Stream::kStdout, line);
      expected += line;
    }
    if (round % 4 == 0) {
      log.loop.after(std::chrono::milliseconds(1), [&] { log.loop.stop(); });
      log.loop.run();
    }
    if (round % 50 == 0) CHECK(all_of(folder, logs::Format::kJson) == expected);
  }
  log.turn_until([&] { return !folder.has("c.log.1") && !folder.has("c.log.40"); });
  CHECK(all_of(folder, logs::Format::kJson) == expected);
}

TEST_CASE("no more files are kept than were asked for, compressed or not", "[log]") {
  const Folder folder;
  JsonLog log(folder, {"c.log", 2000, 3, true});
  for (int i = 0; i < 1000; ++i)
    log.append(Stream::kStdout, "line " + std::to_string(i) + "\n");
  log.turn_until([&] { return folder.has("c.log.1.gz") && folder.has("c.log.2.gz"); });
  for (int i = 0; i < 100; ++i)
    log.append(Stream::kStdout, "line " + std::to_string(i) + "\n");
  log.turn_until([&] { return !folder.has("c.log.1") && !folder.has("c.log.2"); });
  CHECK_FALSE(folder.has("c.log.3"));
  CHECK_FALSE(folder.has("c.log.3.gz"));
}
