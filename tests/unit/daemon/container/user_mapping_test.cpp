#include "daemon/container/user_mapping.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <stdlib.h>

#include "common/error.hpp"

using namespace berth::container;
using Catch::Contains;

TEST_CASE("subordinate ids of a user, by name and by number, one range after the other",
          "[userns]") {
  const std::string text = "# ids\nother:1:2\nme:100000:10\n\n1234:300000:5\nme:500000:1\n";
  const auto ranges = subordinate_ids(text, "me", 1234);
  REQUIRE(ranges.size() == 3);
  CHECK(to_json(ranges) ==
        nlohmann::json::array({{{"containerID", 0}, {"hostID", 100000}, {"size", 10}},
                               {{"containerID", 10}, {"hostID", 300000}, {"size", 5}},
                               {{"containerID", 15}, {"hostID", 500000}, {"size", 1}}}));
  CHECK(subordinate_ids(text, "nobody", 1).empty());
  CHECK_THROWS_WITH(subordinate_ids("me:1", "me", 1), Contains("\"me:1\""));
  CHECK_THROWS_WITH(subordinate_ids("me:0:0", "me", 1), Contains("must be like"));
  CHECK_THROWS_WITH(subordinate_ids("me:4294967290:100", "me", 1), Contains("must be like"));
}

TEST_CASE("userns-remap names a user and perhaps a group", "[userns]") {
  std::string folder = "/tmp/berth-subid-XXXXXX";
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const SubordinateFiles files{folder + "/subuid", folder + "/subgid"};
  std::ofstream(files.uids) << "daemon:100000:65536\n";
  std::ofstream(files.gids) << "bin:200000:65536\ndaemon:300000:65536\n";

  CHECK(read_user_mapping("", files).empty());
  CHECK(read_user_mapping("root", files).empty());
  CHECK(read_user_mapping("0:0", files).empty());
  CHECK(read_user_mapping("daemon", files).gids.front().host == 300000);
  CHECK(read_user_mapping("daemon:bin", files).gids.front().host == 200000);
  CHECK(read_user_mapping("1:2", files).uids.front().host == 100000);
  CHECK_THROWS_WITH(read_user_mapping("no-such-user", files), Contains("there is no user"));
  CHECK_THROWS_WITH(read_user_mapping("daemon:no-such-group", files),
                    Contains("there is no group"));
  CHECK_THROWS_WITH(read_user_mapping("bin", files),
                    Contains("no subuid ranges found for \"bin\""));
  std::filesystem::remove_all(folder);
}

TEST_CASE("what a user namespace cannot share with the host", "[userns]") {
  UserMapping mapping;
  berth::api::HostConfig host_config;
  host_config.privileged = true;
  CHECK_NOTHROW(check_user_namespace(host_config, mapping));
  mapping.uids = mapping.gids = {{0, 100000, 65536}};
  CHECK(has_user_namespace(host_config, mapping));
  CHECK_THROWS_WITH(check_user_namespace(host_config, mapping), Contains("privileged mode"));
  host_config.userns_mode = "host";
  CHECK_FALSE(has_user_namespace(host_config, mapping));
  CHECK_NOTHROW(check_user_namespace(host_config, mapping));
}
