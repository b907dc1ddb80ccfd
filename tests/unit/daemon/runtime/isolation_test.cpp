// What a container sees and may do. Hidden, since it needs root; see launch_test.cpp.
#include <catch2/catch.hpp>
#include <sys/mount.h>

#include "container_fixture.hpp"

namespace berth::runtime {

using Catch::Matchers::Contains;

TEST_CASE("a container has namespaces of its own", "[.root]") {
  ContainerFixture container;
  CHECK(container.output_of("echo $$; hostname") == "1\nberth-test\n");
  CHECK_THAT(container.output_of("ip addr show lo"), Contains("UP") && Contains("127.0.0.1/8"));
  CHECK(container.output_of("ip link | grep -c '^[0-9]'") == "1\n");
  CHECK_THAT(container.output_of("cat /proc/self/cgroup"),
             Contains(":/\n") && !Contains("berth-runtime-test"));
  CHECK(container.output_of("cat /proc/sys/net/ipv4/ip_unprivileged_port_start") == "0\n");
}

TEST_CASE("a container's mounts are its own and nothing of the host's shows", "[.root]") {
  ContainerFixture container;
  const std::string mounts = container.output_of("cat /proc/self/mounts");
  CHECK_THAT(mounts, Contains("overlay / overlay rw") &&
                         Contains("proc /proc proc rw,nosuid,nodev,noexec"));
  CHECK_THAT(mounts,
             Contains(" /sys sysfs ro,nosuid,nodev,noexec") && Contains(" /dev/mqueue mqueue "));
  CHECK_THAT(mounts, Contains(" /dev/shm tmpfs rw,nosuid,nodev,noexec") && Contains("size=65536k"));
  CHECK_THAT(mounts, !Contains("ext4"));
  // None of it is left on the host.
  CHECK_THAT(read_file("/proc/self/mountinfo"), !Contains("berth-runtime-test"));
}

TEST_CASE("masked paths are empty and read-only paths refuse writing", "[.root]") {
  ContainerFixture container;
  container.process()["capabilities"]["bounding"].push_back("CAP_SYS_ADMIN");
  container.process()["capabilities"]["effective"].push_back("CAP_SYS_ADMIN");
  container.process()["capabilities"]["permitted"].push_back("CAP_SYS_ADMIN");
  CHECK(container.output_of(
            "cat /proc/interrupts /proc/timer_list | wc -c; ls /sys/firmware | wc -l") == "0\n0\n");
  CHECK_THAT(container.output_of("echo 60 > /proc/sys/vm/swappiness"),
             Contains("Read-only file system"));
  CHECK_THAT(container.output_of("echo 0 > /proc/irq/default_smp_affinity"),
             Contains("Read-only file system"));
  CHECK_THAT(container.output_of("echo x > /sys/kernel/uevent_helper"),
             Contains("Read-only file system"));
}

TEST_CASE("a container's /dev", "[.root]") {
  ContainerFixture container;
  CHECK(container.output_of("cd /dev; stat -c '%n %t:%T %a' null zero full random urandom tty") ==
        "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\n");
  CHECK(container.output_of(
            "readlink /dev/fd; readlink /dev/ptmx; echo x > /dev/null && echo fine") ==
        "/proc/self/fd\npts/ptmx\nfine\n");
}

TEST_CASE("the device rules hold", "[.root]") {
  ContainerFixture container;
  auto& rules = container.oci()["linux"]["resources"]["devices"];
  rules = {{{"allow", false}, {"access", "rwm"}},
           {{"allow", true}, {"type", "c"}, {"major", 1}, {"minor", 3}, {"access", "rw"}}};
  CHECK_THAT(container.output_of("head -c 1 /dev/zero"), Contains("Operation not permitted"));
  CHECK(container.output_of("echo x > /dev/null && echo fine") == "fine\n");
  rules.push_back({{"allow", true}, {"type", "c"}, {"major", 1}, {"minor", 5}, {"access", "r"}});
  CHECK(container.output_of("head -c 1 /dev/zero | wc -c") == "1\n");
  CHECK_THAT(container.output_of("echo x > /dev/zero"), Contains("Operation not permitted"));
}

TEST_CASE("further device nodes", "[.root]") {
  ContainerFixture container;
  container.oci()["linux"]["devices"] = {
      {{"path", "/dev/deep/er"},
       {"type", "c"},
       {"major", 1},
       {"minor", 11},
       {"fileMode", 0640},
       {"uid", 1},
       {"gid", 2}},
      {{"path", "/dev/disk"}, {"type", "b"}, {"major", 254}, {"minor", 0}, {"fileMode", 0600}}};
  CHECK(container.output_of("stat -c '%t:%T %a %u %g' /dev/deep/er /dev/disk") ==
        "1:b 640 1 2\nfe:0 600 0 0\n");
  CHECK_THAT(container.output_of("head -c 1 /dev/disk"), Contains("Operation not permitted"));
}

TEST_CASE("the root can be read-only while its mounts are not", "[.root]") {
  ContainerFixture container;
  container.oci()["root"]["readonly"] = true;
  CHECK_THAT(container.output_of("touch /x"), Contains("Read-only file system"));
  CHECK(container.output_of("touch /dev/shm/x && echo fine") == "fine\n");
}

TEST_CASE("a bound root works like an overlay", "[.root]") {
  ContainerFixture container;
  container.document()["rootfs"] = {{"type", "bind"}, {"path", container.lower().native()}};
  CHECK(container.output_of("touch /made && echo fine") == "fine\n");
  CHECK(std::filesystem::exists(container.lower() / "made"));
}

TEST_CASE("the overlay by mount(2), with many layers of long names", "[.root]") {
  ContainerFixture container;
  auto& lower = container.document()["rootfs"]["lower"];
  for (int layer = 0; layer < 300; ++layer) {
    const auto path =
        container.folder() / ("layer-" + std::string(60, 'x') + std::to_string(layer));
    std::filesystem::create_directories(path);
    lower.insert(lower.begin(), path.native());
  }
  ContainerFixture::write(container.folder() / lower[0].get<std::string>() / "top", "top\n");
  for (const bool legacy : {true, false}) {
    container.options().legacy_overlay = legacy;
    CHECK(container.output_of("cat /top; touch /new && echo copied") == "top\ncopied\n");
    CHECK(std::filesystem::remove(container.folder() / "upper/new"));
  }
}

TEST_CASE("a layer's path may be longer than fsconfig takes", "[.root]") {
  ContainerFixture container;
  const auto longer = container.folder() / std::string(200, 'a') / std::string(200, 'b');
  std::filesystem::create_directories(longer);
  ContainerFixture::write(longer / "deep", "deep\n");
  container.document()["rootfs"]["lower"].insert(container.document()["rootfs"]["lower"].begin(),
                                                 longer.native());
  CHECK(container.output_of("cat /deep") == "deep\n");
}

TEST_CASE("binds: read-only, files, made targets", "[.root]") {
  ContainerFixture container;
  ContainerFixture::write(container.folder() / "shared/file", "content\n");
  const std::string shared = (container.folder() / "shared").native();
  auto& mounts = container.oci()["mounts"];
  mounts.push_back({{"destination", "/data/deep/ro"},
                    {"type", "bind"},
                    {"source", shared},
                    {"options", {"rbind", "ro"}}});
  mounts.push_back(
      {{"destination", "/data/rw"}, {"type", "bind"}, {"source", shared}, {"options", {"rbind"}}});
  mounts.push_back({{"destination", "/etc/one"},
                    {"type", "bind"},
                    {"source", shared + "/file"},
                    {"options", {"bind"}}});
  CHECK(container.output_of("cat /data/deep/ro/file /etc/one; touch /data/rw/new && echo made") ==
        "content\ncontent\nmade\n");
  CHECK_THAT(container.output_of("touch /data/deep/ro/no"), Contains("Read-only file system"));
  CHECK(std::filesystem::exists(container.folder() / "shared/new"));
  mounts.push_back(
      {{"destination", "/bin/cat"}, {"type", "bind"}, {"source", shared}, {"options", {"bind"}}});
  CHECK_THAT(container.output_of("true"), Contains("one is a folder and the other a file"));
}

TEST_CASE("links in an image lead no mount out of the root", "[.root]") {
  ContainerFixture container;
  const std::string shared = (container.folder() / "shared").native();
  const auto escape = container.folder() / "escape";
  std::filesystem::create_directories(escape);
  // Absolute links, chains of "..", and links that dangle: all end inside.
  std::filesystem::create_symlink(escape, container.lower() / "absolute");
  std::filesystem::create_symlink("../../../../../../../../" + escape.native().substr(1),
                                  container.lower() / "dots");
  std::filesystem::create_symlink("/proc/1/root/tmp", container.lower() / "magic");
  auto& mounts = container.oci()["mounts"];
  for (const char* link : {"/absolute/a", "/dots/b"}) {
    mounts.push_back(
        {{"destination", link}, {"type", "bind"}, {"source", shared}, {"options", {"bind"}}});
  }
  ContainerFixture::write(container.folder() / "shared/file", "inside\n");
  CHECK(container.output_of("cat /absolute/a/file /dots/b/file") == "inside\ninside\n");
  CHECK(std::filesystem::is_empty(escape));
  mounts.push_back(
      {{"destination", "/magic/c"}, {"type", "bind"}, {"source", shared}, {"options", {"bind"}}});
  CHECK_THAT(container.output_of("true"), Contains("failure: "));
}

TEST_CASE("an image that makes /proc a link gets no container", "[.root]") {
  ContainerFixture container;
  std::filesystem::create_directories(container.lower() / "elsewhere");
  std::filesystem::create_symlink("elsewhere", container.lower() / "proc");
  CHECK_THAT(container.output_of("true"), Contains("must be an ordinary folder"));
}

TEST_CASE("nothing is mounted over /proc but what is harmless", "[.root]") {
  ContainerFixture container;
  const std::string file = (container.folder() / "shared/file").native();
  ContainerFixture::write(file, "mine\n");
  auto& mounts = container.oci()["mounts"];
  mounts.push_back({{"destination", "/proc/cpuinfo"},
                    {"type", "bind"},
                    {"source", file},
                    {"options", {"bind"}}});
  CHECK(container.output_of("cat /proc/cpuinfo") == "mine\n");
  std::filesystem::create_symlink("/proc/self/attr", container.lower() / "attr");
  for (const char* place :
       {"/proc/self/attr/current", "/attr/current", "/proc/../proc/1/environ"}) {
    mounts.back()["destination"] = place;
    CHECK_THAT(container.output_of("true"), Contains("failure: mount"));
  }
}

TEST_CASE("a volume's new mounts reach a container as its propagation says", "[.root]") {
  ContainerFixture container;
  const std::string shared = (container.folder() / "shared").native();
  REQUIRE(::mount(shared.c_str(), shared.c_str(), nullptr, MS_BIND, nullptr) == 0);
  REQUIRE(::mount(nullptr, shared.c_str(), nullptr, MS_SHARED, nullptr) == 0);
  const auto seen = [&](const char* propagation) {
    container.oci()["mounts"].back()["options"] = {"rbind", propagation};
    return container.output_of("grep ' /v ' /proc/self/mountinfo");
  };
  container.oci()["mounts"].push_back(
      {{"destination", "/v"}, {"type", "bind"}, {"source", shared}});
  CHECK_THAT(seen("rprivate"), !Contains("shared:") && !Contains("master:"));
  CHECK_THAT(seen("rslave"), Contains("master:") && !Contains("shared:"));
  CHECK_THAT(seen("rshared"), Contains("shared:"));
  ::umount2(shared.c_str(), MNT_DETACH);
}

TEST_CASE("the control groups are mounted read-only", "[.root]") {
  ContainerFixture container;
  CHECK_THAT(container.output_of("mkdir /sys/fs/cgroup/x"), Contains("Read-only file system"));
  CHECK_THAT(
      container.output_of("cat /sys/fs/cgroup/memory/cgroup.procs /sys/fs/cgroup/cgroup.procs"),
      Contains("1\n"));
}

TEST_CASE("no descriptor of the caller's is left in the container", "[.root]") {
  ContainerFixture container;
  const int leaked = ::open("/etc/passwd", O_RDONLY);  // without O_CLOEXEC
  CHECK(container.output_of("ls /proc/1/fd | wc -l; ls -l /proc/1/fd") != "");
  CHECK_THAT(container.output_of("ls -l /proc/1/fd"), !Contains("/etc/passwd"));
  ::close(leaked);
}

}  // namespace berth::runtime
