#include "client/commands/tar_disk.hpp"

#include <catch2/catch.hpp>

using berth::client::rename_entry;

TEST_CASE("entries of an archive are renamed at their root alone") {
  CHECK(rename_entry({"a", "b"}, "a") == "b");
  CHECK(rename_entry({"a", "b"}, "a/a/a") == "b/a/a");
  CHECK(rename_entry({"a", "b"}, "ab/a") == "ab/a");
  CHECK(rename_entry({"a", ""}, "a/x") == "a/x");
  CHECK(rename_entry({"a", "b"}, "/a/x") == "b/x");
  CHECK(rename_entry({"a", ""}, "//etc/x") == "etc/x");
  CHECK(rename_entry({".", "b"}, "./") == "b");
  CHECK(rename_entry({".", "b"}, ".") == "b");
  CHECK(rename_entry({".", "b"}, "./x/y") == "b/x/y");
  CHECK(rename_entry({".", ""}, "./x") == "./x");
}
