#include "daemon/runtime/mount_options.hpp"

#include <catch2/catch.hpp>
#include <sys/mount.h>

#include "common/error.hpp"

namespace berth::runtime {

namespace {

MountOptions parse(const char* type, std::vector<std::string> options) {
  return parse_mount_options({"/x", type, "/s", std::move(options)});
}

}  // namespace

TEST_CASE("words of a file system's mount") {
  const MountOptions options =
      parse("tmpfs", {"nosuid", "nodev", "strictatime", "mode=755", "size=64k", "ro"});
  CHECK_FALSE(options.bind);
  CHECK(options.set ==
        (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_STRICTATIME | MOUNT_ATTR_RDONLY));
  // mount_setattr(2) wants the whole field cleared when it is to change.
  CHECK((options.clear & MOUNT_ATTR__ATIME) == MOUNT_ATTR__ATIME);
  CHECK(options.data == std::vector<std::string>{"mode=755", "size=64k"});
}

TEST_CASE("a later word wins") {
  CHECK(parse("tmpfs", {"noexec", "exec"}).set == 0);
  CHECK(parse("tmpfs", {"exec", "noexec"}).set == MOUNT_ATTR_NOEXEC);
  CHECK(parse("bind", {"ro", "rw"}).clear == MOUNT_ATTR_RDONLY);
  CHECK(parse("tmpfs", {"noatime", "strictatime"}).set == MOUNT_ATTR_STRICTATIME);
}

TEST_CASE("words of a bind") {
  const MountOptions options = parse("none", {"rbind", "rro", "rslave"});
  CHECK(options.bind);
  CHECK(options.recursive);
  CHECK(options.set == 0);
  CHECK(options.set_recursive == MOUNT_ATTR_RDONLY);
  CHECK(options.propagation == MS_SLAVE);
  CHECK(options.propagation_recursive);
  CHECK_FALSE(parse("bind", {"bind", "private"}).recursive);
  CHECK_FALSE(parse("bind", {"private"}).propagation_recursive);
}

TEST_CASE("options that cannot be") {
  using Catch::Matchers::Contains;
  CHECK_THROWS_WITH(parse("bind", {"size=5"}), Contains("\"size=5\" of \"/x\" is unknown"));
  CHECK_THROWS_WITH(parse_mount_options({"/x", "bind", "", {}}), Contains("no source"));
  CHECK_THROWS_WITH(parse_mount_options({"/x", "", "/s", {}}), Contains("no type"));
}

}  // namespace berth::runtime
