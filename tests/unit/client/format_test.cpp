// Tables, templates and small pieces of text.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "client/commands/filters.hpp"
#include "client/commands/pull_image.hpp"
#include "client/format/progress.hpp"
#include "client/format/table.hpp"
#include "client/format/template.hpp"
#include "client/format/text.hpp"
#include "common/error.hpp"

using namespace berth;
using namespace berth::client;

namespace {

const TableFormat kFormat{{{"ID", "CONTAINER ID"}, {"Name", "NAMES"}}, {"ID", "Name"}, ""};

TableFormat with(const std::string& format) {
  TableFormat result = kFormat;
  result.format = format;
  return result;
}

}  // namespace

TEST_CASE("columns are as wide as their widest cell") {
  CHECK(format_rows(kFormat, {}) == "CONTAINER ID   NAMES\n");
  CHECK(format_rows(kFormat, {{"abc", "x"}, {"äöüäöüäöüäöüäöü", "y"}}) ==
        "CONTAINER ID      NAMES\n"
        "abc               x\n"
        "äöüäöüäöüäöüäöü   y\n");
  CHECK(align_columns({{"A", "B"}, {"1", "2"}}) == "A         B\n1         2\n");
}

TEST_CASE("rows as JSON and by template") {
  const std::vector<Row> rows = {{"1", "a\"b"}, {"2", "c"}};
  CHECK(format_rows(with("json"), rows) ==
        "{\"ID\":\"1\",\"Name\":\"a\\\"b\"}\n{\"ID\":\"2\",\"Name\":\"c\"}\n");
  CHECK(format_rows(with("{{.ID}}-{{ .Name }}"), rows) == "1-a\"b\n2-c\n");
  CHECK(format_rows(with("{{json .ID}}"), rows) == "\"1\"\n\"2\"\n");
  CHECK(format_rows(with("table {{.Name}}\\t{{.ID}}"), rows) ==
        "NAMES     CONTAINER ID\na\"b       1\nc         2\n");
  CHECK_THROWS_WITH(format_rows(with("{{.Nome}}"), rows), Catch::Contains(".Nome"));
}

TEST_CASE("templates of documents") {
  const auto document = nlohmann::ordered_json::parse(
      R"({"State": {"Status": "running", "Pid": 5, "Up": true}, "Args": ["a", "b"], "N": null})");
  CHECK(Template("{{.State.Status}}/{{.State.Pid}}/{{.State.Up}}").fill(document) ==
        "running/5/true");
  CHECK(Template("{{.Args}} {{json .Args}}").fill(document) == "[a b] [\"a\",\"b\"]");
  CHECK(Template("{{json .State}}").fill(document) == R"({"Status":"running","Pid":5,"Up":true})");
  CHECK(Template("{{.N}}").fill(document) == "<no value>");
  CHECK_THROWS_WITH(Template("{{.State.Nothing}}").fill(document),
                    Catch::Contains("State.Nothing"));
  CHECK_THROWS_AS(Template("{{range .Args}}"), Error);
  CHECK_THROWS_AS(Template("{{.Args"), Error);
}

TEST_CASE("text is shortened by characters and quoted") {
  CHECK(shorten("abc", 3) == "abc");
  CHECK(shorten("abcd", 3) == "ab…");
  CHECK(shorten("äöüß", 3) == "äö…");
  CHECK(quote("a\"b\\c\n\x1b") == "\"a\\\"b\\\\c\\n\\x1b\"");
  CHECK(short_id("sha256:0123456789abcdef") == "0123456789ab");
  CHECK(short_id("0123456789abcdef") == "0123456789ab");
  CHECK(short_id("<missing>") == "<missing>");
  CHECK(printable("a\x1b[2Jb\tc\n\x7f") == "a[2Jb\tc\n");
}

TEST_CASE("ports are joined to ranges") {
  const auto port = [](const char* ip, std::uint16_t inside, std::uint16_t outside,
                       const char* type = "tcp") { return api::Port{ip, inside, outside, type}; };
  CHECK(format_ports({}).empty());
  CHECK(format_ports({port("", 80, 0)}) == "80/tcp");
  CHECK(format_ports({port("0.0.0.0", 80, 8080), port("::", 80, 8080)}) ==
        "0.0.0.0:8080->80/tcp, [::]:8080->80/tcp");
  CHECK(format_ports({port("", 81, 0), port("", 80, 0), port("", 83, 0)}) == "80-81/tcp, 83/tcp");
  CHECK(format_ports({port("0.0.0.0", 80, 80), port("0.0.0.0", 81, 81), port("", 53, 0, "udp")}) ==
        "53/udp, 0.0.0.0:80-81->80-81/tcp");
}

TEST_CASE("progress bars") {
  CHECK(progress_bar({}, 200).empty());
  CHECK(progress_bar({1'500'000, 0}, 200) == "1.5MB");
  CHECK(progress_bar({1'500'000, 3'000'000}, 80) == "1.5MB/3MB");
  const std::string bar = progress_bar({1'500'000, 3'000'000}, 200);
  CHECK(bar == "[" + std::string(25, '=') + ">" + std::string(25, ' ') + "]  1.5MB/3MB");
  CHECK(progress_bar({3, 3}, 200) == "[" + std::string(50, '=') + ">]  3B/3B");
  CHECK(progress_bar({5, 3}, 200) == "[" + std::string(50, '=') + ">]  5B");
}

TEST_CASE("image names are taken apart") {
  CHECK(split_image_name("nginx").repository == "nginx");
  CHECK(split_image_name("nginx").tag.empty());
  CHECK(split_image_name("host:5000/a/b:t").repository == "host:5000/a/b");
  CHECK(split_image_name("host:5000/a/b:t").tag == "t");
  CHECK(split_image_name("host:5000/a").tag.empty());
  CHECK(split_image_name("a@sha256:12").tag == "sha256:12");
  CHECK(split_image_name("a@sha256:12").text() == "a@sha256:12");
  CHECK(split_image_name("a:t").text() == "a:t");
}

TEST_CASE("filters and times for the daemon") {
  CHECK(encode_filters({}).empty());
  CHECK(encode_filters({"status=running", "label=a=b", "Label=\"c\""}) ==
        R"({"label":["a=b","\"c\""],"status":["running"]})");
  CHECK_THROWS_AS(encode_filters({"status"}), Error);
  CHECK(encode_time("") == "");
  CHECK(encode_time("1700000000.5") == "1700000000.5");
  CHECK(encode_time("2024-05-06T07:08:09.5Z") == "1714979289.500000000");
  CHECK(encode_time("10m").size() == 20);
  CHECK_THROWS_AS(encode_time("yesterday"), Error);
}

TEST_CASE("templates with what the stock client's record does not have") {
  const auto document = nlohmann::ordered_json::parse(R"({"L": [{"A": 1}, {"A": 2}], "S": "x"})");
  const auto fill = [&](const char* text) { return Template(text).fill(document); };
  CHECK(fill("{{range $i, $e := .L}}{{if $i}},{{end}}{{$e.A}}{{end}}") == "1,2");
  CHECK(fill("{{range 3}}{{.}}{{end}}") == "012");
  CHECK(fill("{{(index .L 1).A}}") == "2");
  CHECK(fill("{{.L}}") == "[{1} {2}]");
  CHECK_THROWS_WITH(fill("{{define \"x\"}}{{end}}"), Catch::Contains("not supported"));
  CHECK_THROWS_WITH(fill("{{upper 5}}"), Catch::Contains("expected string"));
  CHECK_THROWS_AS(fill("{{printf}}"), Error);
  CHECK(Template("{{.Size | len}}").uses("Size"));
  CHECK_FALSE(Template("{{.Names}}").uses("Size"));
}
