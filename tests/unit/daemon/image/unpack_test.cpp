#include "daemon/image/unpack.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/crypto/sha256.hpp"
#include "daemon/image/entry_path.hpp"
#include "daemon/image/tar_recipe.hpp"
#include "fixture.hpp"
#include "tar_builder.hpp"

using namespace berth;
using namespace berth::test;
namespace fs = std::filesystem;

namespace {

/// A layer's folder, with a trap beside it that nothing may touch.
class Layer {
 public:
  Layer() {
    fs::create_directories(root());
    fs::create_directory(trap());
    write(trap() / "victim", "whole");
  }

  fs::path root() const { return folder_.path() / "layer"; }
  fs::path trap() const { return folder_.path() / "trap"; }

  image::Unpacked unpack(const std::string& tar,
                         storage::Whiteouts whiteouts = storage::Whiteouts::kOverlay) {
    const Fd opened = open_file(root(), O_RDONLY | O_DIRECTORY);
    const image::Unpacked unpacked =
        image::unpack_layer([&] { return std::make_unique<TextReader>(tar); }, opened.get(),
                            whiteouts, recipe(), nullptr);
    if (has_recipe()) CHECK(rebuilt() == tar);
    return unpacked;
  }

  fs::path recipe() const { return recipes_.path() / "recipe"; }
  bool has_recipe() const { return fs::exists(recipe()); }
  std::string rebuilt() const {
    std::string tar;
    image::rebuild_tar({root(), recipe()}, [&](std::string_view piece) { tar += piece; });
    return tar;
  }

  bool trap_is_whole() const {
    struct stat status{};
    return names_in(trap()) == std::set<std::string>{"victim"} &&
           read_file(trap() / "victim") == "whole" &&
           ::lstat((trap() / "victim").c_str(), &status) == 0 && status.st_nlink == 1;
  }

  std::string text(const std::string& name) const { return read_file(root() / name); }
  struct stat stat(const std::string& name) const {
    struct stat status{};
    REQUIRE(::lstat((root() / name).c_str(), &status) == 0);
    return status;
  }
  bool exists(const std::string& name) const {
    return fs::symlink_status(root() / name).type() != fs::file_type::not_found;
  }
  bool is_whiteout(const std::string& name) const {
    const struct stat status = stat(name);
    return S_ISCHR(status.st_mode) && status.st_rdev == 0;
  }
  bool is_opaque(const std::string& name) const {
    const char* const attribute =
        ::geteuid() == 0 ? "trusted.overlay.opaque" : "user.overlay.opaque";
    char value = 0;
    return ::lgetxattr((root() / name).c_str(), attribute, &value, 1) == 1 && value == 'y';
  }

  static void write(const fs::path& path, std::string_view text) {
    write_all(open_file(path, O_WRONLY | O_CREAT, 0644).get(), text, path.native());
  }

 private:
  TemporaryFolder folder_;
  TemporaryFolder recipes_;
};

}  // namespace

TEST_CASE("a layer's files come with modes, times and links", "[unpack]") {
  Layer layer;
  TarBuilder tar;
  tar.folder("./", 0711).folder("./sub/", 01777).file("./sub/file", "content", 04755);
  tar.file("sub/secret", "x", 0600).hardlink("sub/linked", "sub/file").symlink("link", "/sub/file");
  tar.add({.name = "fifo", .type = '6', .mode = 0602});
  tar.file("not/announced/folder/file", "deep").file("/absolute", "inside").file("empty", "");
  const auto unpacked = layer.unpack(tar.finish());
  CHECK(unpacked.diff_id.str() == sha256(tar.finish()).str());
  CHECK(unpacked.size == 7 + 1 + 4 + 6);
  CHECK(layer.text("sub/file") == "content");
  CHECK((layer.stat("sub/file").st_mode & 07777U) == 04755);
  CHECK(layer.stat("sub/file").st_mtim.tv_sec == 1'700'000'000);
  CHECK(layer.stat("sub/file").st_nlink == 2);
  CHECK((layer.stat("sub/secret").st_mode & 07777U) == 0600);
  CHECK((layer.stat("sub").st_mode & 07777U) == 01777);
  CHECK(layer.stat("sub").st_mtim.tv_sec == 1'700'000'000);
  CHECK((layer.stat(".").st_mode & 07777U) == 0711);
  CHECK(fs::read_symlink(layer.root() / "link") == "/sub/file");
  CHECK(layer.stat("link").st_mtim.tv_sec == 1'700'000'000);
  CHECK(S_ISFIFO(layer.stat("fifo").st_mode));
  CHECK((layer.stat("fifo").st_mode & 07777U) == 0602);
  CHECK(layer.text("not/announced/folder/file") == "deep");
  CHECK((layer.stat("not/announced").st_mode & 07777U) == 0755);
  CHECK(layer.text("absolute") == "inside");
  CHECK(layer.stat("empty").st_size == 0);
}

TEST_CASE("the process's umask does not matter", "[unpack]") {
  Layer layer;
  const mode_t before = ::umask(0077);
  layer.unpack(
      TarBuilder().file("file", "x", 0666).folder("folder", 0777).file("new/file", "").finish());
  ::umask(before);
  CHECK((layer.stat("file").st_mode & 07777U) == 0666);
  CHECK((layer.stat("folder").st_mode & 07777U) == 0777);
  CHECK((layer.stat("new").st_mode & 07777U) == 0755);
}

TEST_CASE("names may be long and in any language", "[unpack]") {
  Layer layer;
  const std::string folder(200, 'd');
  const std::string path = folder + "/" + folder + "/" + std::string(255, 'f');
  TarBuilder tar;
  tar.add({.name = "short", .data = "long", .pax = {{"path", path}}});
  tar.add({.name = "x",
           .data = "umlaut",
           .pax = {{"path",
                    "gr\xc3\xbc\xc3\x9f"
                    "e/\xe6\x97\xa5\xe6\x9c\xac"}}});
  tar.file("raw-\xff\xfe", "bytes");
  tar.add({.name = "times", .data = "t", .pax = {{"mtime", "1600000000.25"}}});
  layer.unpack(tar.finish());
  CHECK(layer.text(path) == "long");
  CHECK(layer.text("gr\xc3\xbc\xc3\x9f"
                   "e/\xe6\x97\xa5\xe6\x9c\xac") == "umlaut");
  CHECK(layer.text("raw-\xff\xfe") == "bytes");
  CHECK(layer.stat("times").st_mtim.tv_sec == 1'600'000'000);
  CHECK(layer.stat("times").st_mtim.tv_nsec == 250'000'000);
}

TEST_CASE("holes stay holes", "[unpack]") {
  Layer layer;
  // GNU's sparse format 1.0: the map stands in front of the data.
  std::string data = "1\n1048576\n3\n";
  data.resize(512, '\0');
  data += "end";
  TarBuilder tar;
  tar.add({.name = "GNUSparseFile.0/holes",
           .data = data,
           .pax = {{"GNU.sparse.major", "1"},
                   {"GNU.sparse.minor", "0"},
                   {"GNU.sparse.name", "holes"},
                   {"GNU.sparse.realsize", "4194304"}}});
  layer.unpack(tar.finish());
  CHECK(layer.stat("holes").st_size == 4194304);
  CHECK(layer.stat("holes").st_blocks * 512 < 1048576);
  CHECK(layer.text("holes").substr(1048576, 3) == "end");
}

TEST_CASE("no entry leaves the layer", "[unpack]") {
  Layer layer;
  const std::string trap = layer.trap().native();
  const std::string up = "../../../../../../../../../.." + trap;
  struct Attack {
    std::string what;
    std::string tar;
  };
  const auto attack = GENERATE_COPY(from_range(std::vector<Attack>{
      {"dotdot", TarBuilder().file("../trap/file", "x").finish()},
      {"dotdot inside", TarBuilder().folder("a").file("a/../../trap/file", "x").finish()},
      {"absolute", TarBuilder().file(trap + "/victim", "x").finish()},
      {"symlink", TarBuilder().symlink("out", trap).file("out/victim", "x").finish()},
      {"relative symlink", TarBuilder().symlink("out", up).file("out/victim", "x").finish()},
      {"symlink to the parent",
       TarBuilder().symlink("out", "..").file("out/trap/victim", "x").finish()},
      {"two symlinks",
       TarBuilder().symlink("a", "b/..").symlink("b", "..").file("a/trap/victim", "x").finish()},
      {"symlink as a file",
       TarBuilder().symlink("out", trap + "/victim").file("out", "x").finish()},
      {"symlink as a folder", TarBuilder().symlink("out", trap).folder("out", 0777).finish()},
      {"folder then symlink", TarBuilder()
                                  .folder("out")
                                  .file("out/a", "")
                                  .symlink("out", trap)
                                  .file("out/victim", "x")
                                  .finish()},
      {"hard link", TarBuilder().hardlink("in", trap + "/victim").file("in", "x").finish()},
      {"hard link with dotdot", TarBuilder().hardlink("in", up + "/victim").finish()},
      {"hard link through a symlink",
       TarBuilder().symlink("out", trap).hardlink("in", "out/victim").finish()},
      {"hard link to a symlink", TarBuilder()
                                     .symlink("out", trap + "/victim")
                                     .hardlink("in", "out")
                                     .file("in", "x")
                                     .finish()},
      {"whiteout", TarBuilder().symlink("out", trap).file("out/.wh.victim", "").finish()},
      {"opaque", TarBuilder().symlink("out", trap).file("out/.wh..wh..opq", "").finish()},
      {"whiteout of dotdot", TarBuilder().file("a/.wh...", "").finish()},
      {"whiteout of dot", TarBuilder().file(".wh..", "").finish()},
      {"whiteout of nothing", TarBuilder().file(".wh.", "").finish()},
      {"magic link",
       TarBuilder().symlink("out", "/proc/self/root" + trap).file("out/victim", "x").finish()},
      {"folder's time", TarBuilder().folder("out", 0700).symlink("out", trap).finish()},
  }));
  const auto whiteouts = GENERATE(storage::Whiteouts::kOverlay, storage::Whiteouts::kApply);
  CAPTURE(attack.what);
  const auto mode = fs::status(layer.trap()).permissions();
  try {
    layer.unpack(attack.tar, whiteouts);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
  }
  CHECK(layer.trap_is_whole());
  CHECK(fs::status(layer.trap()).permissions() == mode);
  CHECK(names_in(layer.root().parent_path()) == std::set<std::string>{"layer", "trap"});
}

TEST_CASE("links inside a layer are followed inside it", "[unpack]") {
  Layer layer;
  layer.unpack(
      TarBuilder().folder("usr/lib").symlink("lib", "/usr/lib").file("lib/file", "x").finish());
  CHECK(layer.text("usr/lib/file") == "x");
  CHECK(fs::is_symlink(layer.root() / "lib"));
}

TEST_CASE("later entries replace earlier ones", "[unpack]") {
  Layer layer;
  TarBuilder tar;
  tar.file("a", "file").folder("a").file("a/in", "x");          // a file by a folder
  tar.folder("b").file("b/in/deep", "x").file("b", "file");     // a folder by a file
  tar.symlink("c", "/nowhere").file("c", "file");               // a link by a file
  tar.folder("d", 0700).file("d/kept", "x").folder("d", 0711);  // a folder by itself
  tar.file("e", "one").file("e", "two");
  layer.unpack(tar.finish());
  CHECK(layer.text("a/in") == "x");
  CHECK(layer.text("b") == "file");
  CHECK(layer.text("c") == "file");
  CHECK(layer.text("d/kept") == "x");
  CHECK((layer.stat("d").st_mode & 07777U) == 0711);
  CHECK(layer.text("e") == "two");
}

TEST_CASE("overlay whiteouts hide what is below and nothing of the layer", "[unpack]") {
  Layer layer;
  TarBuilder tar;
  tar.file("gone/.wh.file", "").file(".wh.top", "");
  tar.folder("dir").file("dir/.wh..wh..opq", "").file("dir/own", "x");
  tar.file("kept", "x").file(".wh.kept", "");
  tar.folder("merged").file(".wh.merged", "");
  tar.file(".wh.again", "").folder("again");
  tar.file(".wh.refilled", "").file("refilled", "x");
  tar.file(".wh..wh.plnk", "bookkeeping").file(".wh..wh.orph/1", "bookkeeping");
  layer.unpack(tar.finish());
  CHECK(layer.is_whiteout("gone/file"));
  CHECK(layer.is_whiteout("top"));
  CHECK(layer.is_opaque("dir"));
  CHECK(layer.text("dir/own") == "x");
  CHECK(layer.text("kept") == "x");
  CHECK(layer.is_opaque("merged"));
  CHECK(layer.is_opaque("again"));
  CHECK(layer.text("refilled") == "x");
  for (const auto& entry : fs::recursive_directory_iterator(layer.root())) {
    if (entry.path().parent_path().filename() == ".wh..wh.orph") continue;
    CHECK((entry.path().filename().native().substr(0, 4) != ".wh." || entry.is_directory()));
  }
}

TEST_CASE("applied whiteouts delete what is below and nothing of the layer", "[unpack]") {
  Layer layer;
  for (const char* const name :
       {"gone", "kept", "opaque/old", "opaque/sub/old", "whole/sub/file"}) {
    fs::create_directories((layer.root() / name).parent_path());
    Layer::write(layer.root() / name, "below");
  }
  TarBuilder tar;
  tar.file(".wh.gone", "").file(".wh.whole", "").file("kept", "above").file(".wh.kept", "");
  tar.file("opaque/new", "x").file("opaque/.wh..wh..opq", "").file(".wh.missing", "");
  layer.unpack(tar.finish(), storage::Whiteouts::kApply);
  CHECK(names_in(layer.root()) == std::set<std::string>{"kept", "opaque"});
  CHECK(names_in(layer.root() / "opaque") == std::set<std::string>{"new"});
  CHECK(layer.text("kept") == "above");
}

TEST_CASE("attributes that would steer the overlay or the host are left out", "[unpack]") {
  Layer layer;
  TarBuilder tar;
  tar.add({.name = "file",
           .data = "x",
           .pax = {{"SCHILY.xattr.user.note", "kept"},
                   {"SCHILY.xattr.user.overlay.opaque", "y"},
                   {"SCHILY.xattr.trusted.overlay.redirect", "/etc"},
                   {"SCHILY.xattr.trusted.other", "x"},
                   {"SCHILY.xattr.security.selinux", "x"}}});
  layer.unpack(tar.finish());
  std::string names(4096, '\0');
  const ssize_t length = ::llistxattr((layer.root() / "file").c_str(), names.data(), names.size());
  if (length < 0) return;  // the file system of the temporary folder has no attributes
  names.resize(static_cast<std::size_t>(length));
  CHECK(names.find("overlay") == std::string::npos);
  CHECK(names.find("trusted") == std::string::npos);
  CHECK(names.find("selinux") == std::string::npos);
}

TEST_CASE("owners, capabilities and devices", "[unpack][.root]") {
  Layer layer;
  // VFS_CAP_REVISION_2 with cap_net_raw, as capability.h lays it out.
  const std::string capability(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
  TarBuilder tar;
  tar.add({.name = "owned", .data = "x", .mode = 06755, .uid = 1000, .gid = 33});
  tar.add({.name = "dir", .type = '5', .mode = 02775, .uid = 1, .gid = 8});
  tar.file("dir/roots", "x");
  tar.add({.name = "link", .type = '2', .link = "x", .uid = 7, .gid = 9});
  tar.add({.name = "ping",
           .data = "x",
           .mode = 0755,
           .uid = 5,
           .pax = {{"SCHILY.xattr.security.capability", capability}}});
  tar.add({.name = "null", .type = '3', .mode = 0666, .device_major = 1, .device_minor = 3});
  tar.add({.name = "big", .data = "x", .pax = {{"uid", "4000000000"}}});
  layer.unpack(tar.finish());
  CHECK(layer.stat("owned").st_uid == 1000);
  CHECK(layer.stat("owned").st_gid == 33);
  CHECK((layer.stat("owned").st_mode & 07777U) == 06755);
  CHECK(layer.stat("dir").st_gid == 8);
  CHECK((layer.stat("dir").st_mode & 07777U) == 02775);
  CHECK(layer.stat("dir/roots").st_gid == 0);
  CHECK(layer.stat("link").st_uid == 7);
  CHECK(layer.stat("big").st_uid == 4000000000U);
  std::string value(64, '\0');
  CHECK(::lgetxattr((layer.root() / "ping").c_str(), "security.capability", value.data(),
                    value.size()) == 20);
  CHECK(S_ISCHR(layer.stat("null").st_mode));
  CHECK(layer.stat("null").st_rdev == ::makedev(1, 3));
}

TEST_CASE("impossible entries are refused with their name", "[unpack]") {
  Layer layer;
  const auto tar = GENERATE(
      TarBuilder().add({.name = "bad", .data = "x", .pax = {{"uid", "4294967295"}}}).finish(),
      TarBuilder()
          .add({.name = "bad", .data = "x", .pax = {{"path", "bad/" + std::string(256, 'n')}}})
          .finish(),
      TarBuilder().hardlink("bad", "nowhere").finish(),
      TarBuilder().file("bad", "file").file("bad/below", "x").finish(),
      TarBuilder().symlink("bad", "/nowhere").file("bad/below", "x").finish(),
      TarBuilder().symlink("bad", "bad").file("bad/below", "x").finish());
  const Error error = error_of([&] { layer.unpack(tar); });
  CHECK(error.kind() == ErrorKind::kInvalidArgument);
  CHECK(std::string(error.what()).find("\"bad") != std::string::npos);
}

TEST_CASE("damaged archives are refused", "[unpack]") {
  Layer layer;
  const std::string good = TarBuilder().file("file", std::string(5000, 'x')).finish();
  const auto tar = GENERATE_COPY(good.substr(0, 1000), good.substr(0, 300), std::string(2000, 'x'),
                                 "\x1f\x8b\x08" + std::string(100, '\0'),
                                 std::string("\x28\xb5\x2f\xfd garbage", 12));
  CHECK(error_of([&] { layer.unpack(tar); }).kind() == ErrorKind::kInvalidArgument);
}

TEST_CASE("an empty layer is a layer", "[unpack]") {
  Layer layer;
  CHECK(layer.unpack("").size == 0);
  const std::string zeros(10240, '\0');
  CHECK(layer.unpack(zeros).diff_id.str() == sha256(zeros).str());
  CHECK(names_in(layer.root()).empty());
}

TEST_CASE("what follows the end of a tar belongs to its digest", "[unpack]") {
  Layer layer;
  const std::string tar =
      TarBuilder().file("file", "x").finish() + std::string(300000, '\0') + "tail";
  CHECK(layer.unpack(tar).diff_id.str() == sha256(tar).str());
}

TEST_CASE("a reader's error and a stop end the unpacking", "[unpack]") {
  Layer layer;
  const Fd root = open_file(layer.root(), O_RDONLY | O_DIRECTORY);
  class Failing : public image::ByteReader {
    std::span<const std::byte> next() override {
      throw Error(ErrorKind::kUnavailable, "the network is down");
    }
  };
  CHECK(error_of([&] {
          image::unpack_layer([] { return std::make_unique<Failing>(); }, root.get(),
                              storage::Whiteouts::kOverlay, {}, nullptr);
        }).kind() == ErrorKind::kUnavailable);
  const std::atomic<bool> stop = true;
  const std::string tar = TarBuilder().file("file", "x").finish();
  CHECK(error_of([&] {
          image::unpack_layer([&] { return std::make_unique<TextReader>(tar); }, root.get(),
                              storage::Whiteouts::kOverlay, {}, &stop);
        }).kind() == ErrorKind::kCancelled);
}

TEST_CASE("entry paths are cleaned", "[unpack]") {
  using image::clean_entry_path;
  CHECK(clean_entry_path("./a//b/./c/") == "a/b/c");
  CHECK(clean_entry_path("/a/../b") == "b");
  CHECK(clean_entry_path("./").empty());
  CHECK(clean_entry_path("a/..").empty());
  CHECK_THROWS_AS(clean_entry_path("a/../../b"), Error);
  CHECK_THROWS_AS(clean_entry_path(".."), Error);
  std::string long_path;
  while (long_path.size() < 5000)
    long_path += "directory/";
  CHECK_THROWS_AS(clean_entry_path(long_path), Error);
}
