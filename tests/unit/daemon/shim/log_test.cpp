#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.hpp"
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
  bool has(const std::string& name) const { return std::filesystem::exists(path_ / name); }

 private:
  std::filesystem::path path_;
  Fd fd_;
};

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
  LogWriter log(folder.fd(), {true, "c.log", -1, 1, {}});
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
  LogWriter log(folder.fd(), {true, "c.log", -1, 1, {}});
  log.append(Stream::kStdout, std::string(40 * 1024, 'x'));
  log.finish();
  CHECK(count_lines(folder.read("c.log")) == 3);
}

TEST_CASE("rotation keeps so many files and each within its size", "[log]") {
  const Folder folder;
  LogWriter log(folder.fd(), {true, "c.log", 1000, 3, {}});
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
  LogWriter log(folder.fd(), {true, "no/such/folder/c.log", -1, 1, {}});
  log.append(Stream::kStdout, "one\ntwo\n");
  CHECK(log.lost_lines() == 2);
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
  LogWriter log(folder.fd(), {true, "c.log", 500, 1, {}});
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
    LogWriter log(folder.fd(), {true, "c.log", -1, 1, {}});
    log.append(Stream::kStdout, "one\n");
  }
  LogWriter log(folder.fd(), {true, "c.log", -1, 1, {}});
  log.append(Stream::kStdout, "two\n");
  CHECK(count_lines(folder.read("c.log")) == 2);
  REQUIRE(::symlinkat("c.log", folder.fd(), "link.log") == 0);
  LogWriter linked(folder.fd(), {true, "link.log", -1, 1, {}});
  linked.append(Stream::kStdout, "three\n");
  CHECK(linked.lost_lines() == 1);
}

TEST_CASE("a full disk costs lines, says so once, and leaves no half line", "[log]") {
  // A file that may not grow further refuses like a full disk does.
  const Folder folder;
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    int said = 0;
    LogWriter log(folder.fd(), {true, "c.log", -1, 1, {}});
    log.when_lost([&](int error) { said += error == EFBIG ? 1 : 100; });
    for (int i = 0; i < 100; ++i)
      log.append(Stream::kStdout, "a line of the container\n");
    ::_exit(said == 1 && log.lost_lines() > 50 ? 0 : 1);
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
