#include <fstream>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/storage/overlay2.hpp"
#include "daemon/storage/probe.hpp"
#include "daemon/storage/tree.hpp"
#include "daemon/storage/vfs.hpp"

using namespace berth;
using namespace berth::storage;
namespace fs = std::filesystem;

namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "berth-test-XXXXXX").native();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// One life of the daemon, as far as storage goes.
template <typename DriverType>
class Daemon {
 public:
  explicit Daemon(const fs::path& root) : driver_(options(root)) {}
  ~Daemon() { settle(); }

  DriverType& driver() { return driver_; }

  template <typename T>
  T await(Task<T> task) {
    auto result = asio::co_spawn(control_, std::move(task), asio::use_future);
    settle();
    return result.get();
  }

  /// Until nothing is left to do, the deletions in the background included.
  void settle() {
    control_.restart();
    control_.run();
  }

  LayerHold add_layer(const ChainId& chain, const ChainId& parent, const std::string& file) {
    LayerDraft draft = await(driver_.begin_layer(parent));
    std::ofstream(draft.folder / file) << file;
    return await(driver_.commit_layer(std::move(draft), chain, LayerInfo{parent, file.size()}));
  }

 private:
  DriverOptions options(const fs::path& root) {
    return DriverOptions{control_.get_executor(), fast_, bulk_, tasks_, root};
  }

  asio::io_context control_{1};
  BlockingPool fast_{1};
  BlockingPool bulk_{1};
  Gate tasks_{control_.get_executor()};
  DriverType driver_;
};

ChainId chain(char digit) {
  return ChainId("sha256:" + std::string(64, digit));
}
ContainerId container(char digit) {
  return ContainerId(std::string(64, digit));
}

std::set<std::string> names(const fs::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : fs::directory_iterator(folder))
    found.insert(entry.path().filename());
  return found;
}

template <typename Function>
ErrorKind kind_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error.kind();
  }
  FAIL("nothing was thrown");
  return ErrorKind::kInternal;
}

}  // namespace

TEMPLATE_TEST_CASE("layers and writables come, are found again and go", "[storage]", Overlay2Driver,
                   VfsDriver) {
  const TemporaryFolder folder;
  const fs::path layers =
      folder.path() / "layers" / (std::is_same_v<TestType, VfsDriver> ? "vfs" : "overlay2");
  {
    Daemon<TestType> daemon(folder.path());
    const LayerHold lower = daemon.add_layer(chain('a'), ChainId(), "low");
    const LayerHold upper = daemon.add_layer(chain('b'), chain('a'), "high");
    CHECK(daemon.driver().exists(chain('b')));
    CHECK(daemon.driver().layer(chain('b')).parent == chain('a'));
    CHECK(daemon.driver().layer(chain('b')).size == 4);
    daemon.await(daemon.driver().create_writable(container('1'), chain('b')));
    CHECK(kind_of([&] {
            daemon.await(daemon.driver().create_writable(container('1'), chain('b')));
          }) == ErrorKind::kConflict);
    CHECK(kind_of([&] {
            daemon.await(daemon.driver().create_writable(container('2'), chain('c')));
          }) == ErrorKind::kNotFound);
    CHECK(names(layers / "writable").size() == 1);
  }
  {
    Daemon<TestType> daemon(folder.path());
    daemon.driver().collect({container('1')});
    daemon.settle();
    CHECK(daemon.driver().exists(chain('a')));
    CHECK(daemon.driver().has_writable(container('1')));
    CHECK_NOTHROW(daemon.driver().rootfs(container('1')));
    daemon.await(daemon.driver().remove_writable(container('1')));
    daemon.await(daemon.driver().remove_writable(container('1')));  // again is no error
    CHECK_FALSE(daemon.driver().exists(chain('b')));
    CHECK_FALSE(daemon.driver().exists(chain('a')));
    CHECK(kind_of([&] { daemon.driver().rootfs(container('1')); }) == ErrorKind::kNotFound);
  }
  CHECK(names(layers) == std::set<std::string>{"drafts", "empty", "trash", "writable"});
  CHECK(names(layers / "trash").empty());
  CHECK(names(layers / "writable").empty());
}

TEST_CASE("overlay2 describes its mount, top layer first", "[storage]") {
  const TemporaryFolder folder;
  Daemon<Overlay2Driver> daemon(folder.path());
  const LayerHold lower = daemon.add_layer(chain('a'), ChainId(), "low");
  const LayerHold upper = daemon.add_layer(chain('b'), chain('a'), "high");
  daemon.await(daemon.driver().create_writable(container('1'), chain('b')));
  const auto mount = to_json(daemon.driver().rootfs(container('1')));
  CHECK(mount.at("type") == "overlay");
  REQUIRE(mount.at("lower").size() == 2);
  CHECK(fs::exists(fs::path(mount.at("lower")[0].get<std::string>()) / "high"));
  CHECK(fs::exists(fs::path(mount.at("lower")[1].get<std::string>()) / "low"));
  CHECK(fs::is_directory(mount.at("upper").get<std::string>()));
  CHECK(fs::is_directory(mount.at("work").get<std::string>()));
  struct stat status{};
  REQUIRE(::stat(mount.at("upper").get<std::string>().c_str(), &status) == 0);
  CHECK((status.st_mode & 07777U) == 0755);

  daemon.await(daemon.driver().create_writable(container('2'), ChainId()));
  const auto bare = to_json(daemon.driver().rootfs(container('2')));
  REQUIRE(bare.at("lower").size() == 1);
  CHECK(fs::is_empty(bare.at("lower")[0].get<std::string>()));
}

TEST_CASE("vfs copies what is below", "[storage]") {
  const TemporaryFolder folder;
  Daemon<VfsDriver> daemon(folder.path());
  const LayerHold lower = daemon.add_layer(chain('a'), ChainId(), "low");
  const LayerHold upper = daemon.add_layer(chain('b'), chain('a'), "high");
  daemon.await(daemon.driver().create_writable(container('1'), chain('b')));
  const auto mount = to_json(daemon.driver().rootfs(container('1')));
  CHECK(mount.at("type") == "bind");
  CHECK(names(mount.at("path").get<std::string>()) == std::set<std::string>{"low", "high"});
}

TEST_CASE("what a killed daemon left unfinished is cleared", "[storage]") {
  const TemporaryFolder folder;
  const fs::path layers = folder.path() / "layers/overlay2";
  {
    Daemon<Overlay2Driver> daemon(folder.path());
    const LayerDraft draft = daemon.await(daemon.driver().begin_layer(ChainId()));
    std::ofstream(draft.folder / "half") << "written";
    daemon.await(daemon.driver().create_writable(container('1'), ChainId()));
    static_cast<void>(daemon.add_layer(chain('a'), ChainId(), "nobody needs it"));
  }
  fs::create_directories(layers / std::string(64, 'b') / "diff");  // no meta
  std::ofstream(layers / "trash/file") << "x";
  Daemon<Overlay2Driver> daemon(folder.path());
  CHECK_FALSE(daemon.driver().exists(chain('b')));
  CHECK(daemon.driver().exists(chain('a')));
  daemon.driver().collect({});
  daemon.settle();
  CHECK_FALSE(daemon.driver().exists(chain('a')));
  CHECK(names(layers) == std::set<std::string>{"drafts", "empty", "trash", "writable"});
  for (const char* const part : {"drafts", "trash", "writable"})
    CHECK(names(layers / part).empty());
}

TEST_CASE("a layer stays as long as somebody needs it", "[storage]") {
  const TemporaryFolder folder;
  Daemon<Overlay2Driver> daemon(folder.path());
  Driver& driver = daemon.driver();
  LayerHold lower = daemon.add_layer(chain('a'), ChainId(), "low");
  LayerHold upper = daemon.add_layer(chain('b'), chain('a'), "high");
  LayerHold second = driver.hold(chain('b'));
  lower.reset();
  upper.reset();
  driver.sweep();
  daemon.settle();
  CHECK(driver.exists(chain('a')));
  CHECK(driver.exists(chain('b')));
  CHECK(kind_of([&] { static_cast<void>(driver.hold(chain('c'))); }) == ErrorKind::kNotFound);

  SECTION("and comes back when it is needed again before its files are gone") {
    second.reset();
    driver.sweep();
    CHECK_FALSE(driver.exists(chain('b')));
    // The removal of the old one waits in the queue meanwhile.
    const LayerHold again = daemon.add_layer(chain('b'), ChainId(), "new");
    daemon.settle();
    REQUIRE(driver.exists(chain('b')));
    CHECK(names(folder.path() / "layers/overlay2" / std::string(64, 'b') / "diff") ==
          std::set<std::string>{"new"});
    CHECK_FALSE(driver.exists(chain('a')));
  }
  SECTION("a second draft of the same layer is dropped") {
    const LayerHold again = daemon.add_layer(chain('b'), chain('a'), "other");
    CHECK(names(folder.path() / "layers/overlay2" / std::string(64, 'b') / "diff") ==
          std::set<std::string>{"high"});
    daemon.settle();
    CHECK(names(folder.path() / "layers/overlay2/drafts").empty());
  }
}

TEST_CASE("trees of any depth are deleted, and nothing outside", "[storage]") {
  const TemporaryFolder folder;
  std::ofstream(folder.path() / "outside") << "stays";
  Fd at = open_file(folder.path(), O_RDONLY | O_DIRECTORY);
  const Fd top = at.duplicate();
  for (int depth = 0; depth < 3000; ++depth) {
    REQUIRE(::mkdirat(at.get(), "d", 0700) == 0);
    at = open_at(at.get(), "d", O_RDONLY | O_DIRECTORY);
    REQUIRE(::symlinkat("/", at.get(), "root") == 0);
  }
  REQUIRE(::symlinkat((folder.path() / "outside").c_str(), at.get(), "link") == 0);
  if (::geteuid() != 0) REQUIRE(::fchmod(at.get(), 0) == 0);
  remove_tree(top.get(), "d");
  CHECK(names(folder.path()) == std::set<std::string>{"outside"});
  CHECK_NOTHROW(remove_tree(top.get(), "d"));
}

TEST_CASE("a tree's size is that of its files, links not followed", "[storage]") {
  const TemporaryFolder folder;
  const auto size = [&] {
    return tree_size(open_file(folder.path(), O_RDONLY | O_DIRECTORY).get());
  };
  CHECK(size() == 0);
  std::ofstream(folder.path() / "file") << "12345";
  fs::create_hard_link(folder.path() / "file", folder.path() / "again");
  fs::create_symlink("/", folder.path() / "root");
  fs::create_symlink("file", folder.path() / "link");
  fs::create_directories(folder.path() / "a/b");
  fs::create_directories(folder.path() / "a/c");
  std::ofstream(folder.path() / "a/b/file") << "123";
  std::ofstream(folder.path() / "a/c/file") << "1";
  CHECK(size() == 9);
  Fd at = open_file(folder.path() / "a/b", O_RDONLY | O_DIRECTORY);
  for (int depth = 0; depth < 3000; ++depth) {
    REQUIRE(::mkdirat(at.get(), "d", 0700) == 0);
    at = open_at(at.get(), "d", O_RDONLY | O_DIRECTORY);
  }
  write_all(open_at(at.get(), "deep", O_WRONLY | O_CREAT, 0600).get(), "1234", "deep");
  CHECK(size() == 13);
  remove_tree(open_file(folder.path(), O_RDONLY | O_DIRECTORY).get(), "a");
}

TEST_CASE("copies keep links, modes, times, attributes and holes", "[storage]") {
  const TemporaryFolder folder;
  const fs::path from = folder.path() / "from";
  const fs::path to = folder.path() / "to";
  fs::create_directories(from / "sub");
  fs::create_directory(to);
  std::ofstream(from / "sub/file") << "content";
  fs::create_hard_link(from / "sub/file", from / "linked");
  fs::create_symlink("/nowhere", from / "symlink");
  REQUIRE(::mkfifo((from / "fifo").c_str(), 0604) == 0);
  {
    const Fd sparse = open_file(from / "sparse", O_WRONLY | O_CREAT, 0640);
    REQUIRE(::pwrite(sparse.get(), "x", 1, 8 << 20) == 1);
    REQUIRE(::ftruncate(sparse.get(), 64 << 20) == 0);
  }
  const timespec stamp{1000000000, 5};
  const timespec times[2] = {stamp, stamp};
  for (const char* const name : {"sub/file", "symlink", "sub"}) {
    REQUIRE(::utimensat(AT_FDCWD, (from / name).c_str(), times, AT_SYMLINK_NOFOLLOW) == 0);
  }
  REQUIRE(::chmod((from / "sub").c_str(), 01751) == 0);

  copy_tree(open_file(from, O_RDONLY | O_DIRECTORY).get(),
            open_file(to, O_RDONLY | O_DIRECTORY).get());
  CHECK(read_file(to / "sub/file") == "content");
  CHECK(fs::hard_link_count(to / "linked") == 2);
  CHECK(fs::equivalent(to / "linked", to / "sub/file"));
  CHECK(fs::read_symlink(to / "symlink") == "/nowhere");
  struct stat status{};
  REQUIRE(::lstat((to / "sparse").c_str(), &status) == 0);
  CHECK(status.st_size == 64 << 20);
  CHECK(status.st_blocks * 512 < 1 << 20);
  CHECK((status.st_mode & 07777U) == 0640);
  REQUIRE(::lstat((to / "fifo").c_str(), &status) == 0);
  CHECK(S_ISFIFO(status.st_mode));
  for (const char* const name : {"sub/file", "symlink", "sub"}) {
    REQUIRE(::lstat((to / name).c_str(), &status) == 0);
    CHECK(status.st_mtim.tv_sec == stamp.tv_sec);
    CHECK(status.st_mtim.tv_nsec == stamp.tv_nsec);
  }
  CHECK((status.st_mode & 07777U) == 01751);
}

TEST_CASE("unknown drivers are refused", "[storage]") {
  const TemporaryFolder folder;
  asio::io_context control(1);
  BlockingPool pool(1);
  Gate tasks(control.get_executor());
  const DriverOptions options{control.get_executor(), pool, pool, tasks, folder.path()};
  CHECK(kind_of([&] { open_driver("floppy", options); }) == ErrorKind::kInvalidArgument);
  CHECK(open_driver("vfs", options)->name() == "vfs");
}

TEST_CASE("the data root is asked whether overlays work", "[storage][.root]") {
  const TemporaryFolder folder;
  CHECK_FALSE(overlay_problem(folder.path()).has_value());
  CHECK(names(folder.path()).empty());
}
