// Control groups on folders that stand for hierarchies, and ("[.root]") on this machine's own.
#include "daemon/runtime/cgroup.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"
#include "daemon/runtime/cgroup_device_program.hpp"

namespace berth::runtime {

namespace {

namespace fs = std::filesystem;
using Catch::Matchers::Contains;

class FakeHierarchies {
 public:
  FakeHierarchies() : root_(fs::temp_directory_path() / ("berth-cgroup-" + random_hex(6))) {}
  ~FakeHierarchies() { fs::remove_all(root_); }
  FakeHierarchies(const FakeHierarchies&) = delete;
  FakeHierarchies& operator=(const FakeHierarchies&) = delete;

  /// A file with content; folders above it are made.
  void put(const std::string& path, const std::string& content = "") const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }
  std::string get(const std::string& path) const { return read_file(root_ / path); }
  fs::path root() const { return root_; }

  std::shared_ptr<const CgroupLayout> v1() const {
    for (const char* name : {"cpu,cpuacct", "memory", "pids", "devices", "systemd"})
      fs::create_directories(root_ / "sys" / name);
    return detect_cgroups_in(
        "31 23 0:28 / /sys rw - tmpfs tmpfs rw\n"
        "32 31 0:29 / /sys/cpu,cpuacct rw,relatime shared:5 - cgroup cgroup rw,cpu,cpuacct\n"
        "33 31 0:30 / /sys/memory rw - cgroup cgroup rw,memory\n"
        "34 31 0:30 / /elsewhere/memory rw - cgroup cgroup rw,memory\n"
        "35 31 0:31 / /sys/pids rw - cgroup cgroup rw,pids\n"
        "36 31 0:32 / /sys/devices rw - cgroup cgroup rw,devices\n"
        "37 31 0:33 / /sys/systemd rw - cgroup cgroup rw,xattr,name=systemd\n"
        "38 31 0:34 / /sys/unified rw - cgroup2 cgroup2 rw\n",
        root_.native());
  }
  std::shared_ptr<const CgroupLayout> v2() const {
    put("cg roup/cgroup.controllers", "cpu memory pids\n");
    return detect_cgroups_in("31 23 0:28 / /cg\\040roup rw - cgroup2 cgroup2 rw,nsdelegate\n",
                             root_.native());
  }

 private:
  fs::path root_;
};

}  // namespace

TEST_CASE("hierarchies are found in mountinfo") {
  const FakeHierarchies fake;
  const auto v1 = fake.v1();
  CHECK(v1->mode == CgroupLayout::Mode::kV1);
  CHECK(v1->hierarchies.size() == 5);
  CHECK(v1->find("cpuacct")->mount_point == fake.root().native() + "/sys/cpu,cpuacct");
  CHECK(v1->find("memory")->mount_point == fake.root().native() + "/sys/memory");
  CHECK(v1->find("blkio") == nullptr);
  const auto v2 = fake.v2();
  CHECK(v2->mode == CgroupLayout::Mode::kV2);
  CHECK(v2->find("pids") == &v2->hierarchies.front());
  CHECK(detect_cgroups_in("1 1 0:1 / / rw - ext4 /dev/vda rw\n", "")->mode ==
        CgroupLayout::Mode::kNone);
  CHECK(detect_cgroups_in("garbage\n\n - cgroup\n", "")->mode == CgroupLayout::Mode::kNone);
}

TEST_CASE("a group's path stays below the hierarchies") {
  const FakeHierarchies fake;
  const auto layout = fake.v1();
  for (const char* path : {"", "/", "relative", "/a/../b", "/./a", "//", "/.."}) {
    CHECK_THROWS_AS(Cgroup(layout, path), Error);
  }
  CHECK(Cgroup(layout, "//berth//x/").self_join_files().at(1) ==
        fake.root().native() + "/sys/memory/berth/x/tasks");
}

TEST_CASE("a group is made, filled and removed in every hierarchy") {
  const FakeHierarchies fake;
  Cgroup group(fake.v1(), "/berth/x");
  CHECK_FALSE(group.exists());
  CHECK(group.create({}).empty());
  CHECK(group.exists());
  for (const char* name : {"cpu,cpuacct", "memory", "pids", "devices", "systemd"}) {
    CHECK(fs::is_directory(fake.root() / "sys" / name / "berth/x"));
  }
  CHECK(group.create({}).empty());
  fake.put("sys/memory/berth/x/memory.limit_in_bytes");
  fake.put("sys/pids/berth/x/pids.max");
  Resources resources;
  resources.memory.limit = 4096;
  resources.pids_limit = 3;
  CHECK(group.update(resources).empty());
  CHECK(fake.get("sys/memory/berth/x/memory.limit_in_bytes") == "4096");
  CHECK(fake.get("sys/pids/berth/x/pids.max") == "3");
  fs::remove(fake.root() / "sys/memory/berth/x/memory.limit_in_bytes");
  fs::remove(fake.root() / "sys/pids/berth/x/pids.max");
  CHECK(group.remove());
  CHECK(group.remove());
  CHECK_FALSE(group.exists());
  CHECK(group.processes().empty());
}

TEST_CASE("a limit without a controller is an error that names it, a weight a warning") {
  const FakeHierarchies fake;
  Cgroup group(fake.v1(), "/berth/x");
  Resources limit;
  limit.block_io.read_bps = {{8, 0, 1}};
  CHECK_THROWS_WITH(group.create(limit), Contains("block read rate") && Contains("blkio"));
  CHECK_FALSE(group.exists());
  Resources weight;
  weight.block_io.weight = 100;
  const auto warnings = group.create(weight);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings.front(), Contains("block I/O weight"));
  CHECK(group.remove());
}

TEST_CASE("on v2 the controllers are switched on along the path") {
  const FakeHierarchies fake;
  const auto layout = fake.v2();
  fake.put("cg roup/cgroup.subtree_control", "cpu");
  fake.put("cg roup/berth/cgroup.controllers", "memory\n");
  fake.put("cg roup/berth/cgroup.subtree_control", "");
  Cgroup group(layout, "/berth/x");
  CHECK(group.create({}).empty());
  // One write a controller, so a plain file shows the last; "cpu" was on already.
  CHECK_THAT(fake.get("cg roup/cgroup.subtree_control"), Catch::Matchers::StartsWith("+pids"));
  CHECK(fake.get("cg roup/berth/cgroup.subtree_control") == "+memory");
  CHECK(group.self_join_files().empty());
  CHECK(group.clone_target());
}

TEST_CASE("the OOM killer's strikes are read") {
  const FakeHierarchies fake;
  Cgroup v1(fake.v1(), "/x");
  CHECK(v1.oom_kills() == 0);
  fake.put("sys/memory/x/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n");
  CHECK(v1.oom_kills() == 3);
  Cgroup v2(fake.v2(), "/x");
  fake.put("cg roup/x/memory.events", "low 0\noom 9\noom_kill 2\noom_group_kill 7\n");
  CHECK(v2.oom_kills() == 2);
}

// --- with the kernel -----------------------------------------------------------------------------

namespace {

class RealGroup {
 public:
  RealGroup() : group_(detect_cgroups(), "/berth-cgroup-test-" + random_hex(6)) {}
  ~RealGroup() {
    group_.kill_all();
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
    group_.remove();
  }
  RealGroup(const RealGroup&) = delete;
  RealGroup& operator=(const RealGroup&) = delete;
  Cgroup& operator*() { return group_; }
  Cgroup* operator->() { return &group_; }

  /// A child inside that runs `body` after it was moved in.
  pid_t spawn(void (*body)()) {
    Pipe gate = make_pipe();
    const pid_t child = ::fork();
    if (child == 0) {
      char word = 0;
      (void)!::read(gate.read.get(), &word, 1);
      ::signal(SIGTERM, SIG_DFL);  // Catch's handler would report for the child
      body();
      ::_exit(0);
    }
    group_.add(child);
    (void)!::write(gate.write.get(), "g", 1);
    return child;
  }

 private:
  Cgroup group_;
};

[[noreturn]] void sleep_forever() {
  for (;;)
    ::pause();
}

}  // namespace

TEST_CASE("limits reach the kernel", "[.root]") {
  RealGroup group;
  Resources resources;
  resources.memory.limit = 64 << 20U;
  resources.memory.swap = 128 << 20U;
  resources.pids_limit = 5;
  resources.cpu.shares = 512;
  resources.cpu.quota = 50000;
  resources.cpu.cpus = "0";
  group->create(resources);
  const auto layout = detect_cgroups();
  if (layout->mode == CgroupLayout::Mode::kV1) {
    const auto read = [&](const char* controller, const char* file) {
      return read_file(layout->find(controller)->mount_point + group->path() + "/" + file);
    };
    CHECK(read("memory", "memory.limit_in_bytes") == "67108864\n");
    CHECK(read("pids", "pids.max") == "5\n");
    CHECK(read("cpu", "cpu.shares") == "512\n");
    CHECK(read("cpuset", "cpuset.cpus") == "0\n");
    Resources more;
    more.memory.limit = 256 << 20U;
    more.memory.swap = 512 << 20U;
    group->update(more);
    CHECK(read("memory", "memory.limit_in_bytes") == "268435456\n");
  }
  Resources bad;
  bad.cpu.cpus = "4000";
  CHECK_THROWS_WITH(group->update(bad), Contains("CPU set") && Contains("\"4000\""));
}

TEST_CASE("a running group is frozen, thawed, killed and removed", "[.root]") {
  RealGroup group;
  group->create({});
  const pid_t child = group.spawn(sleep_forever);
  group.spawn(sleep_forever);
  CHECK(group->processes().size() == 2);
  CHECK_FALSE(group->remove(std::chrono::milliseconds(20)));
  group->freeze();
  ::kill(child, SIGTERM);
  CHECK(::waitpid(child, nullptr, WNOHANG) == 0);
  group->thaw();
  CHECK(::waitpid(child, nullptr, 0) == child);
  group->freeze();
  group->kill_all();
  while (::waitpid(-1, nullptr, 0) > 0) {
  }
  CHECK(group->remove());
  CHECK_FALSE(group->exists());
}

TEST_CASE("removing waits for processes on their way out, and takes nested groups along",
          "[.root]") {
  RealGroup group;
  group->create({});
  const auto layout = detect_cgroups();
  for (const auto& hierarchy : layout->hierarchies) {
    fs::create_directories(hierarchy.mount_point + group->path() + "/a/b/c");
    fs::create_directories(hierarchy.mount_point + group->path() + "/a/d");
  }
  group.spawn(sleep_forever);
  const pid_t killer = ::fork();
  if (killer == 0) {
    ::poll(nullptr, 0, 50);
    group->kill_all();
    ::_exit(0);
  }
  CHECK(group->remove());
}

TEST_CASE("running out of memory is told", "[.root]") {
  RealGroup group;
  Resources resources;
  resources.memory.limit = 16 << 20U;
  resources.memory.swap = 16 << 20U;
  group->create(resources);
  const Fd watch = group->watch_oom();
  const pid_t child = group.spawn([] {
    constexpr std::size_t kMuch = 64 << 20U;
    void* const memory = ::mmap(nullptr, kMuch, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    ::_exit(memory == MAP_FAILED ? 1 : 0);
  });
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  CHECK(group->oom_kills() == 1);
  pollfd entry{watch.get(), POLLIN, 0};
  CHECK(::poll(&entry, 1, 5000) == 1);
}

TEST_CASE("the kernel takes the device program, also in place of another", "[.root]") {
  // A v2 hierarchy without controllers is enough for it.
  const std::string mount_point =
      fs::exists("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  const fs::path path = mount_point + "/berth-cgroup-test-" + random_hex(6);
  fs::create_directory(path);
  const Fd group = open_file(path, O_RDONLY | O_DIRECTORY);
  const auto can_read_zero = [&] {
    const pid_t child = ::fork();
    if (child == 0) {
      std::ofstream(path / "cgroup.procs") << ::getpid();
      ::_exit(::open("/dev/zero", O_RDONLY | O_CLOEXEC) >= 0 ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return WEXITSTATUS(status) == 1;
  };
  std::vector<DeviceRule> rules = {{false, 'a', {}, {}, 7}, {true, 'c', 1, 3, 7}};
  CHECK(can_read_zero());
  attach_device_program(group.get(), rules);
  CHECK_FALSE(can_read_zero());
  rules.push_back({true, 'c', 1, 5, DeviceRule::kRead});
  attach_device_program(group.get(), rules);
  CHECK(can_read_zero());
  CHECK(::rmdir(path.c_str()) == 0);
}

}  // namespace berth::runtime
