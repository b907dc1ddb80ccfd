#include <filesystem>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <stdlib.h>

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
  std::string line;
  append_json_line(line, message, Stream::kStdout, "T");
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
  CHECK(encode("\"\\\t\r\x01\x1b") == R"(\"\\\t\r\u0001\u001b)");
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
  LogWriter log(folder.fd(), {true, "c.log", -1, 1});
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
  LogWriter log(folder.fd(), {true, "c.log", -1, 1});
  log.append(Stream::kStdout, std::string(40 * 1024, 'x'));
  log.finish();
  CHECK(count_lines(folder.read("c.log")) == 3);
}

TEST_CASE("rotation keeps so many files and each within its size", "[log]") {
  const Folder folder;
  LogWriter log(folder.fd(), {true, "c.log", 1000, 3});
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
  LogWriter log(folder.fd(), {true, "no/such/folder/c.log", -1, 1});
  log.append(Stream::kStdout, "one\ntwo\n");
  CHECK(log.lost_lines() == 2);
}

TEST_CASE("the clock writes nine digits and never goes through a wrong second", "[log]") {
  LineClock clock;
  std::string before(clock.now());
  for (int i = 0; i < 1000; ++i) {
    const std::string time(clock.now());
    REQUIRE(time.size() == 30);
    REQUIRE(time >= before);
    before = time;
  }
}
