#include "common/process.hpp"

#include <array>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"

using namespace berth;
using namespace std::chrono_literals;

namespace {

ProcessOptions shell(std::string script) {
  ProcessOptions options;
  options.argv = {"/bin/sh", "-c", std::move(script)};
  return options;
}

ErrorKind kind_of(const ProcessOptions& options) {
  try {
    run_process(options);
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::kNotModified;
}

}  // namespace

TEST_CASE("a program's outputs and exit code come back", "[process]") {
  const ProcessResult result = run_process(shell("echo out; echo err >&2; exit 3"));
  CHECK(result.exit_code == 3);
  CHECK(result.standard_output == "out\n");
  CHECK(result.standard_error == "err\n");
  CHECK_FALSE(result.truncated);
}

TEST_CASE("a signal's death is 128 and its number", "[process]") {
  CHECK(run_process(shell("kill -TERM $$")).exit_code == 143);
}

TEST_CASE("standard input is given in full", "[process]") {
  ProcessOptions options = shell("wc -c");
  options.stdin_data = std::string(3'000'000, 'x');
  CHECK(run_process(options).standard_output == "3000000\n");
  options.stdin_data.clear();
  CHECK(run_process(options).standard_output == "0\n");
}

TEST_CASE("a program that does not read its input does no harm", "[process]") {
  ProcessOptions options = shell("exit 0");
  options.stdin_data = std::string(1'000'000, 'x');
  CHECK(run_process(options).exit_code == 0);
}

TEST_CASE("output is bounded", "[process]") {
  ProcessOptions options = shell("head -c 2000000 /dev/zero");
  options.stdout_limit = 1000;
  const ProcessResult result = run_process(options);
  CHECK(result.exit_code == 0);
  CHECK(result.standard_output.size() == 1000);
  CHECK(result.truncated);
}

TEST_CASE("only the given environment is seen", "[process]") {
  ProcessOptions options;
  options.argv = {"/usr/bin/env"};
  options.environment = {"A=1", "B=two words"};
  CHECK(run_process(options).standard_output == "A=1\nB=two words\n");
}

TEST_CASE("no descriptor but the standard three is inherited", "[process]") {
  const Fd leaky(::open("/dev/null", O_RDONLY));  // NOLINT: close-on-exec is missing on purpose
  const std::string listed = run_process(shell("ls /proc/self/fd")).standard_output;
  CHECK(listed == "0\n1\n2\n3\n");  // 3 is the folder that ls itself reads
}

TEST_CASE("the deadline kills the whole group", "[process]") {
  ProcessOptions options = shell("sleep 1000 & sleep 1000");
  options.deadline = 50ms;
  const auto start = std::chrono::steady_clock::now();
  CHECK(kind_of(options) == ErrorKind::kDeadline);
  CHECK(std::chrono::steady_clock::now() - start < 10s);
}

TEST_CASE("a grandchild that keeps the pipes is not waited for", "[process]") {
  ProcessOptions options = shell("sleep 20 & echo $!");
  const auto start = std::chrono::steady_clock::now();
  const std::string pid = run_process(options).standard_output;
  CHECK(std::chrono::steady_clock::now() - start < 10s);
  run_process(shell("kill " + pid));
}

TEST_CASE("a missing program is not found", "[process]") {
  ProcessOptions options;
  options.argv = {"/no/such/program"};
  CHECK(kind_of(options) == ErrorKind::kNotFound);
  options.argv = {"no-such-program-anywhere"};
  CHECK(kind_of(options) == ErrorKind::kNotFound);
}

TEST_CASE("a checked run throws what the program said", "[process]") {
  CHECK(run_process_checked(shell("echo fine")) == "fine\n");
  CHECK_THROWS_WITH(run_process_checked(shell("echo broken >&2; exit 4")),
                    "program \"/bin/sh\" failed with exit code 4: broken");
}

TEST_CASE("a program can have the caller's own streams", "[process]") {
  const Pipe pipe = make_pipe();
  ProcessOptions options = shell("echo there");
  options.standard_output = pipe.write.get();
  CHECK(run_process(options).standard_output.empty());
  std::array<char, 16> text{};
  CHECK(::read(pipe.read.get(), text.data(), text.size()) == 6);
  CHECK(std::string(text.data()) == "there\n");
}

TEST_CASE("programs are found in the PATH", "[process]") {
  CHECK(find_program("sh").filename() == "sh");
  CHECK(find_program("no-such-program-anywhere").empty());
}
