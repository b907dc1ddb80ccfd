// Users against an image's files, also hostile ones. Paths in a root: in_root_test.cpp.
#include "daemon/runtime/user.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "common/fd.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"

namespace berth::runtime {

namespace {

namespace fs = std::filesystem;

class Image {
 public:
  Image()
      : root_(fs::temp_directory_path() / ("berth-user-" + random_hex(6))),
        ends_(make_socket_pair(SOCK_SEQPACKET)) {
    fs::create_directories(root_ / "etc");
  }
  ~Image() { fs::remove_all(root_); }
  Image(const Image&) = delete;
  Image& operator=(const Image&) = delete;

  fs::path etc(const char* name) const { return root_ / "etc" / name; }
  void put(const char* name, const std::string& content) const {
    std::ofstream(etc(name), std::ios::binary) << content;
  }

  /// "uid gid [groups] home", or what was reported.
  std::string resolve(const User& user) {
    const Fd root = open_file(root_, O_PATH | O_DIRECTORY);
    Report report(ends_.first.get());
    auto resolved = std::make_unique<ResolvedUser>();
    if (!resolve_user(user, root.get(), report, *resolved)) {
      InitMessage message;
      CHECK(::recv(ends_.second.get(), &message, sizeof message, MSG_DONTWAIT) > 0);
      CHECK(message.stage == Stage::kUser);
      CHECK(message.exit_code == 125);
      return {message.text.data(), message.length};
    }
    std::string text = std::to_string(resolved->uid) + " " + std::to_string(resolved->gid) + " [";
    for (std::size_t index = 0; index < resolved->group_count; ++index) {
      text += (index > 0 ? " " : "") + std::to_string(resolved->groups[index]);
    }
    return text + "] " + std::string(resolved->home.view());
  }
  std::string resolve(const std::string& name) {
    User user;
    user.username = name;
    return resolve(user);
  }

 private:
  fs::path root_;
  SocketPair ends_;
};

}  // namespace

TEST_CASE("users and groups by name and number") {
  Image image;
  image.put("passwd",
            "root:x:0:0:root:/root:/bin/sh\nweb:x:33:34:W:/var/www:/bin/sh\n77:x:5:6::/seventy:/"
            "bin/sh\n");
  image.put("group", "root:x:0:\nadm:x:4:web,root\nweb:x:34:\nlog:x:9: other , web\n");
  CHECK(image.resolve("web") == "33 34 [34 4 9] /var/www");
  CHECK(image.resolve("33") == "33 34 [34 4 9] /var/www");
  CHECK(image.resolve("web:adm") == "33 4 [4] /var/www");
  CHECK(image.resolve("web:9") == "33 9 [9] /var/www");
  CHECK(image.resolve("web:") == "33 34 [34 4 9] /var/www");
  CHECK(image.resolve("77") == "5 6 [6] /seventy");  // a name of digits comes first
  CHECK(image.resolve("1234") == "1234 0 [0] ");
  CHECK(image.resolve("1234:5678") == "1234 5678 [5678] ");
  CHECK(image.resolve("nobody") ==
        "unable to find user nobody: no matching entries in passwd file");
  CHECK(image.resolve("web:none") ==
        "unable to find group none: no matching entries in group file");
  CHECK(image.resolve("2147483647") == "2147483647 0 [0] ");
  CHECK_THAT(image.resolve("2147483648"), Catch::Matchers::Contains("in range 0-2147483647"));
  CHECK_THAT(image.resolve("web:4294967296"), Catch::Matchers::Contains("in range 0-2147483647"));
  CHECK(image.resolve("-1") == "unable to find user -1: no matching entries in passwd file");
}

TEST_CASE("numbers from the specification, with additional groups") {
  Image image;
  image.put("passwd", "root:x:0:0:root:/root:/bin/sh\n");
  image.put("group", "root:x:0:\nwheel:x:10:root\nextra:x:20:\n");
  User user;
  CHECK(image.resolve(user) == "0 0 [0 10] /root");
  user.gid = 5;
  CHECK(image.resolve(user) == "0 5 [5] /root");
  user.additional_gids = {8, 5};
  user.additional_groups = {"extra", "21"};
  CHECK(image.resolve(user) == "0 5 [5 8 20 21] /root");
  user.additional_groups = {"none"};
  CHECK(image.resolve(user) == "unable to find group none: no matching entries in group file");
}

TEST_CASE("an image without the files") {
  Image image;
  CHECK(image.resolve(User{}) == "0 0 [0] ");
  CHECK(image.resolve("12:13") == "12 13 [13] ");
  CHECK(image.resolve("root") == "unable to find user root: no matching entries in passwd file");
}

TEST_CASE("files that are no such files") {
  Image image;
  SECTION("a pipe that nobody writes to") {
    REQUIRE(::mkfifo(image.etc("passwd").c_str(), 0644) == 0);
  }
  SECTION("a folder") {
    fs::create_directory(image.etc("passwd"));
  }
  SECTION("a link out of the root") {
    fs::create_symlink("../../../../../../../etc/passwd", image.etc("passwd"));
  }
  SECTION("an absolute link to the host's") {
    fs::create_symlink("/proc/self/root/etc/passwd", image.etc("passwd"));
  }
  SECTION("a link to itself") {
    fs::create_symlink("passwd", image.etc("passwd"));
  }
  CHECK(image.resolve("daemon") ==
        "unable to find user daemon: no matching entries in passwd file");
}

TEST_CASE("lines that are no entries are passed over") {
  Image image;
  const std::string good = "me:x:7:8::/home/me:/bin/sh\n";
  SECTION("too few fields") {
    image.put("passwd", "me\nme:x\nme:x:1\n\n:::::\n" + good);
  }
  SECTION("numbers that are none") {
    image.put("passwd",
              "me:x:-1:8::/a:\nme:x:7x:8::/a:\nme:x:99999999999:8::/a:\nme:x::8::/a:\n" + good);
  }
  SECTION("no name") {
    image.put("passwd", ":x:7:9::/a:\n" + good);
  }
  SECTION("NUL bytes") {
    image.put("passwd", std::string("\0me:x:1:1::/a:\n\0\0\0\n", 19) + good);
  }
  SECTION("a line longer than the buffer") {
    image.put("passwd", "me:x:1:1:" + std::string(100'000, 'x') + ":/a:\n" + good);
  }
  SECTION("no line end at the end") {
    image.put("passwd", good.substr(0, good.size() - 1));
  }
  SECTION("many lines around the buffer's size") {
    std::string text;
    for (int index = 0; index < 5000; ++index)
      text += "user" + std::to_string(index) + ":x:" + std::to_string(index + 100) + ":1::/:\n";
    image.put("passwd", text + good);
  }
  CHECK(image.resolve("me") == "7 8 [8] /home/me");
}

TEST_CASE("more groups than the kernel's caller has room for") {
  Image image;
  image.put("passwd", "me:x:7:8::/:\n");
  std::string groups;
  for (int index = 0; index < 2000; ++index)
    groups += "g" + std::to_string(index) + ":x:" + std::to_string(index + 100) + ":me\n";
  image.put("group", groups);
  CHECK_THAT(image.resolve("me"), Catch::Matchers::Contains("more than 1024 groups"));
}

TEST_CASE("a home too long for its place is not cut in two") {
  Image image;
  image.put("passwd", "me:x:7:8::/" + std::string(8000, 'h') + ":/bin/sh\n");
  image.put("group", "");
  User user;
  user.username = "me";
  const Fd root = open_file(image.etc("..").native(), O_PATH | O_DIRECTORY);
  Report report(-1);
  auto resolved = std::make_unique<ResolvedUser>();
  REQUIRE(resolve_user(user, root.get(), report, *resolved));
  CHECK(resolved->home.truncated());  // set_home() takes "/" then
}

}  // namespace berth::runtime
