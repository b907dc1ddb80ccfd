#include "daemon/container/log_options.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace berth::container;

namespace {

using Options = std::map<std::string, std::string>;

std::string refusal(const std::string& driver, const Options& options) {
  try {
    check_log_config({driver, options});
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("without a word the log is bounded", "[container]") {
  const Settings settings;
  const api::LogConfig config = complete_log_config({}, settings);
  CHECK(config.type == "json-file");
  const LogFileOptions options = parse_log_file_options(config);
  CHECK(options.max_size == 20'000'000);
  CHECK(options.max_file == 5);
  CHECK_FALSE(options.compress);
}

TEST_CASE("the daemon's options are those of its own driver alone", "[container]") {
  Settings settings;
  settings.log_driver = "local";
  settings.log_options = {{"max-size", "1m"}, {"max-file", "7"}};
  CHECK(complete_log_config({}, settings).type == "local");
  CHECK(complete_log_config({}, settings).config == settings.log_options);
  const Options own{{"max-size", "2m"}};
  const Options both{{"max-size", "2m"}, {"max-file", "7"}};
  CHECK(complete_log_config({"local", own}, settings).config == both);
  CHECK(complete_log_config({"json-file", own}, settings).config == own);
}

TEST_CASE("sizes of logs are counted in thousands, and an explicit driver is not bounded",
          "[container]") {
  CHECK(parse_log_file_options({"json-file", {}}).max_size == -1);
  const Options options{{"max-size", "1k"}, {"max-file", "3"}, {"compress", "true"}};
  const LogFileOptions parsed = parse_log_file_options({"json-file", options});
  CHECK(parsed.max_size == 1000);
  CHECK(parsed.max_file == 3);
  CHECK(parsed.compress);
}

TEST_CASE("the driver local is bounded and compresses", "[container]") {
  const LogFileOptions parsed = parse_log_file_options({"local", {}});
  CHECK(parsed.max_size == 20 << 20);
  CHECK(parsed.max_file == 5);
  CHECK(parsed.compress);
}

TEST_CASE("what log drivers are told is refused in dockerd's words", "[container]") {
  struct Case {
    const char* driver;
    Options options;
    const char* message;
  };
  const auto [driver, options, message] = GENERATE(values<Case>({
      {"splunky", {}, "logger: no log driver named 'splunky' is registered"},
      {"json-file", {{"size", "1"}}, "unknown log opt 'size' for json-file log driver"},
      {"json-file", {{"max-size", "0"}}, "max-size must be a positive number"},
      {"json-file", {{"max-file", "0"}}, "max-file cannot be less than 1"},
      {"json-file",
       {{"max-file", "x"}},
       "invalid value for max-file: \"x\": must be a whole number"},
      {"json-file",
       {{"compress", "true"}},
       "compress cannot be true when max-file is less than 2 or max-size is not set"},
      {"json-file",
       {{"compress", "yes"}},
       "invalid value for compress: \"yes\": must be true or false"},
      {"json-file", {{"mode", "both"}}, "logger: logging mode not supported: both"},
      {"json-file",
       {{"max-buffer-size", "1m"}},
       "logger: max-buffer-size option is only supported with 'mode=non-blocking'"},
      {"local", {{"max-size", "-1"}}, "max-size must not be negative"},
      {"local", {{"max-file", "-1"}}, "max-file must not be negative"},
      {"local", {{"max-file", "1"}}, "compression cannot be enabled when max file count is 1"},
      {"local",
       {{"cache-disabled", "x"}},
       "invalid value for cache-disabled: \"x\": must be true or false"},
      {"local", {{"max-file", "1"}, {"compress", "false"}}, "accepted"},
      {"json-file", {{"max-file", "3"}}, "accepted"},
      {"json-file", {{"mode", "non-blocking"}, {"max-buffer-size", "1m"}}, "accepted"},
      {"none", {{"anything", "x"}}, "accepted"},
  }));
  CHECK(refusal(driver, options) == message);
}
