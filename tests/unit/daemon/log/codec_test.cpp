#include <catch2/catch.hpp>

#include "daemon/log/entry.hpp"

using namespace berth;
using namespace berth::logs;

namespace {

Found::Kind decode_json(const std::string& line, Entry& entry) {
  return codec_for(Format::kJson).decode(line, entry).kind;
}

/// An entry of the driver "local" with its sizes.
std::string framed(const std::string& entry) {
  std::string size(4, '\0');
  size[2] = static_cast<char>(entry.size() >> 8U);
  size[3] = static_cast<char>(entry.size());
  return size + entry + size;
}

using namespace std::string_literals;

}  // namespace

TEST_CASE("a JSON line is decoded with all its escapes", "[log]") {
  std::string line =
      R"({"log":"a\"b\\c\t\u003cd\u003e\n","stream":"stderr","time":"2024-01-01T00:00:00Z"})"
      "\n";
  Entry entry;
  CHECK(decode_json(line, entry) == Found::Kind::kEntry);
  CHECK(entry.message == "a\"b\\c\t<d>\n");
  CHECK(entry.stream == Stream::kStderr);
  CHECK(entry.time_text == "2024-01-01T00:00:00Z");
  line = R"({"log":"\u2028\ufffd","stream":"stdout","attrs":{"a":",\"time\":\""},)"
         R"("time":"2024-01-01T00:00:00Z"})"
         "\n";
  CHECK(decode_json(line, entry) == Found::Kind::kEntry);
  CHECK(entry.message == "\u2028\ufffd");
  CHECK(entry.attributes == R"({"a":",\"time\":\""})");
  CHECK(codec_for(Format::kJson).attributes(entry.attributes).at("a") == ",\"time\":\"");
  CHECK(entry.time_text == "2024-01-01T00:00:00Z");
}

TEST_CASE("a JSON line in another order is decoded, too", "[log]") {
  const std::string line = R"({"time":"2024-01-01T00:00:00Z", "stream":"stderr", "log":"hello\n"})"
                           "\n";
  Entry entry;
  CHECK(decode_json(line, entry) == Found::Kind::kEntry);
  CHECK(entry.message == "hello\n");
  CHECK(entry.stream == Stream::kStderr);
  CHECK(entry.time_text == "2024-01-01T00:00:00Z");
}

TEST_CASE("what is no JSON line is passed over, and half a one waits", "[log]") {
  Entry entry;
  CHECK(decode_json("{\"log\":\"cut by a cra\n", entry) == Found::Kind::kNone);
  CHECK(decode_json("\n", entry) == Found::Kind::kNone);
  CHECK(decode_json("", entry) == Found::Kind::kIncomplete);
  CHECK(decode_json("{\"log\":\"not yet", entry) == Found::Kind::kIncomplete);
}

TEST_CASE("quotes and backslashes are found at every place of a block", "[log]") {
  for (std::size_t length = 1; length < 50; ++length) {
    for (std::size_t place = 0; place < length; ++place) {
      std::string message(length, 'x');
      std::string encoded = message;
      message[place] = '"';
      encoded.replace(place, 1, "\\\"");
      Entry entry;
      const std::string line =
          "{\"log\":\"" + encoded + "\",\"stream\":\"stdout\",\"time\":\"2024-01-01T00:00:00Z\"}\n";
      REQUIRE(decode_json(line, entry) == Found::Kind::kEntry);
      REQUIRE(entry.message == message);
    }
  }
}

TEST_CASE("an entry of the driver local is decoded", "[log]") {
  const Codec& codec = codec_for(Format::kLocal);
  const std::string whole = "\x0a\x06stderr\x10\x80\x94\xeb\xdc\x03\x1a\x05hello"s;
  Entry entry;
  std::string data = framed(whole) + "more";
  Found found = codec.decode(data, entry);
  CHECK(found.kind == Found::Kind::kEntry);
  CHECK(found.length == whole.size() + 8);
  CHECK(entry.message == "hello\n");
  CHECK(entry.stream == Stream::kStderr);
  CHECK(entry.time->time_since_epoch().count() == 1'000'000'000);
  SECTION("parts of a line have no end, but the last") {
    data = framed(
        "\x1a\x01"
        "a\x20\x01\x2a\x05\x12\x01x\x18\x01"s);
    codec.decode(data, entry);
    CHECK(entry.message == "a");
    data = framed(
        "\x1a\x01"
        "b\x20\x01\x2a\x07\x08\x01\x12\x01x\x18\x02"s);
    codec.decode(data, entry);
    CHECK(entry.message == "b\n");
  }
  SECTION("attributes") {
    data = framed(whole + "\x32\x06\x0a\x01k\x12\x01v\x32\x06\x0a\x01l\x12\x01w"s);
    codec.decode(data, entry);
    const std::map<std::string, std::string> expected{{"k", "v"}, {"l", "w"}};
    CHECK(codec.attributes(entry.attributes) == expected);
  }
}

TEST_CASE("what is damaged is known as such", "[log]") {
  const Codec& codec = codec_for(Format::kLocal);
  Entry entry;
  const std::string data = framed("\x1a\x01x"s);
  for (std::size_t length = 0; length < data.size(); ++length)
    CHECK(codec.decode(data.substr(0, length), entry).kind == Found::Kind::kIncomplete);
  CHECK(codec.decode("\x7f\xff\xff\xff"s, entry).kind == Found::Kind::kBroken);
  CHECK(codec.decode("\0\0\0\1x\0\0\0\2"s, entry).kind == Found::Kind::kBroken);
  CHECK(codec.decode(framed("\x1a\x7fx"s), entry).kind == Found::Kind::kNone);
  CHECK(codec.decode(framed("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"s), entry).kind ==
        Found::Kind::kNone);
}
