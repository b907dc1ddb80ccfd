#include "daemon/container/apparmor.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <stdlib.h>

#include "common/error.hpp"

using namespace berth::container;

namespace {

/// A machine's root with the files by which AppArmor is known.
class Root {
 public:
  Root() {
    std::string name = "/tmp/berth-apparmor-XXXXXX";
    path_ = ::mkdtemp(name.data());
    std::filesystem::create_directories(path_ / "sys/kernel/security/apparmor");
    put("sys/module/apparmor/parameters/enabled", "Y\n");
    put("sbin/apparmor_parser", "");
    std::filesystem::permissions(path_ / "sbin/apparmor_parser", std::filesystem::perms::all);
  }
  ~Root() { std::filesystem::remove_all(path_); }
  Root(const Root&) = delete;
  Root& operator=(const Root&) = delete;

  void put(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("AppArmor is used when all of it is there", "[apparmor]") {
  const Root root;
  CHECK(has_apparmor(root.path()));
  SECTION("switched off in the kernel") {
    root.put("sys/module/apparmor/parameters/enabled", "N\n");
    CHECK_FALSE(has_apparmor(root.path()));
  }
  SECTION("without the program that loads profiles") {
    std::filesystem::remove(root.path() / "sbin/apparmor_parser");
    CHECK_FALSE(has_apparmor(root.path()));
  }
  SECTION("without its file system") {
    std::filesystem::remove(root.path() / "sys/kernel/security/apparmor");
    CHECK_FALSE(has_apparmor(root.path()));
  }
}

TEST_CASE("which profile a container runs under", "[apparmor]") {
  berth::api::HostConfig host_config;
  CHECK(apparmor_profile(host_config, true) == "berth-default");
  CHECK(apparmor_profile(host_config, false).empty());
  host_config.privileged = true;
  CHECK(apparmor_profile(host_config, true) == "unconfined");
  host_config.security_opt = {"apparmor=mine"};
  CHECK(apparmor_profile(host_config, true) == "mine");
  CHECK_THROWS_WITH(apparmor_profile(host_config, false),
                    "apparmor: config provided but apparmor not supported: \"mine\"");
  host_config.security_opt = {"apparmor=unconfined"};
  CHECK(apparmor_profile(host_config, false).empty());
}

TEST_CASE("the default profile has its name in all its places", "[apparmor]") {
  const std::string text = default_apparmor_profile_text();
  CHECK(text.find("{}") == std::string::npos);
  CHECK(text.find("profile berth-default flags=") != std::string::npos);
  CHECK(text.find("deny mount,") != std::string::npos);
}
