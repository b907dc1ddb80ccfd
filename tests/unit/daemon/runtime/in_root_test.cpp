#include "daemon/runtime/in_root.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>

#include "common/file.hpp"
#include "common/ids.hpp"

namespace berth::runtime {

namespace {

namespace fs = std::filesystem;

class Tree {
 public:
  Tree() : base_(fs::temp_directory_path() / ("berth-in-root-" + random_hex(6))) {
    fs::create_directories(root());
    fs::create_directories(base_ / "outside");
    fd_ = open_file(root(), O_PATH | O_DIRECTORY);
  }
  ~Tree() { fs::remove_all(base_); }
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;
  fs::path root() const { return base_ / "root"; }
  fs::path outside() const { return base_ / "outside"; }
  int fd() const { return fd_.get(); }

  /// Where what was opened or made is, relative to the root.
  std::string make(const std::string& path, Target target) const {
    const Fd found = open_or_make(fd(), path, target);
    if (!found) return "error " + std::to_string(errno);
    const std::string full =
        fs::read_symlink("/proc/self/fd/" + std::to_string(found.get())).native();
    const std::string prefix = fs::canonical(root()).native();
    REQUIRE(full.starts_with(prefix));
    return full.substr(prefix.size());
  }

 private:
  fs::path base_;
  Fd fd_;
};

}  // namespace

TEST_CASE("what is missing of a path is made") {
  const Tree tree;
  CHECK(tree.make("/a/b/c", Target::kDirectory) == "/a/b/c");
  CHECK(fs::is_directory(tree.root() / "a/b/c"));
  CHECK(tree.make("/a/file", Target::kFile) == "/a/file");
  CHECK(fs::is_regular_file(tree.root() / "a/file"));
  CHECK(tree.make("a//./b/../x/", Target::kDirectory) == "/a/x");
  CHECK(tree.make("/", Target::kDirectory).empty());
  CHECK(tree.make("/../../up", Target::kDirectory) == "/up");
  CHECK(tree.make("/a/file/below", Target::kDirectory) == "error " + std::to_string(ENOTDIR));
}

TEST_CASE("links lead nowhere but into the root") {
  const Tree tree;
  fs::create_symlink(tree.outside(), tree.root() / "absolute");
  fs::create_symlink("../outside", tree.root() / "relative");
  fs::create_symlink("/target/of/it", tree.root() / "dangling");
  fs::create_symlink("dangling/more", tree.root() / "chain");
  fs::create_symlink("loop", tree.root() / "loop");
  CHECK(tree.make("/absolute/x", Target::kDirectory) == tree.outside().native() + "/x");
  CHECK(tree.make("/relative/y", Target::kDirectory) == "/outside/y");
  CHECK(tree.make("/dangling", Target::kFile) == "/target/of/it");
  CHECK(fs::is_regular_file(tree.root() / "target/of/it"));
  CHECK(tree.make("/chain", Target::kDirectory) == "error " + std::to_string(ENOTDIR));
  CHECK(tree.make("/loop/x", Target::kDirectory) == "error " + std::to_string(ELOOP));
  CHECK(fs::is_empty(tree.outside()));
}

TEST_CASE("magic links are not followed") {
  const Fd host = open_file("/", O_PATH | O_DIRECTORY);
  CHECK_FALSE(try_open_in_root(host.get(), "/proc/self/root/etc", O_PATH));
  CHECK(errno == ELOOP);
  CHECK_FALSE(open_or_make(host.get(), "/proc/self/cwd", Target::kDirectory));
}

TEST_CASE("names and paths that are too long") {
  const Tree tree;
  CHECK(tree.make("/" + std::string(300, 'n'), Target::kDirectory) ==
        "error " + std::to_string(ENAMETOOLONG));
  CHECK(tree.make("/" + std::string(5000, 'n'), Target::kDirectory) ==
        "error " + std::to_string(ENAMETOOLONG));
  std::string deep;
  for (int level = 0; level < 1000; ++level)
    deep += "/ab";
  CHECK(tree.make(deep, Target::kDirectory) == deep);
}

TEST_CASE("devices and file systems are told apart") {
  const Fd null = open_file("/dev/null", O_PATH);
  const Fd zero = open_file("/dev/zero", O_PATH);
  const Fd proc = open_file("/proc/self/status", O_PATH);
  CHECK(is_character_device(null.get(), 1, 3));
  CHECK_FALSE(is_character_device(zero.get(), 1, 3));
  CHECK_FALSE(is_character_device(proc.get(), 0, 0));
  CHECK(is_on_file_system(proc.get(), PROC_SUPER_MAGIC));
  CHECK_FALSE(is_on_file_system(null.get(), PROC_SUPER_MAGIC));
}

}  // namespace berth::runtime
