// What is refused at create, and how a request is completed.
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/image_config.hpp"
#include "daemon/container/log_options.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/security_options.hpp"
#include "daemon/container/signals.hpp"
#include "daemon/container/validate.hpp"

using namespace berth;
using namespace berth::container;
using Catch::Contains;

namespace {

api::CreateRequest request(std::string_view host_config) {
  return api::from_text<api::CreateRequest>(R"({"Image":"busybox","HostConfig":)" +
                                            std::string(host_config) + "}");
}

struct Refusal {
  const char* host_config;
  const char* message;
};

}  // namespace

TEST_CASE("a request that asks for nothing special is accepted", "[container]") {
  CHECK_NOTHROW(validate(request("{}")));
  CHECK_NOTHROW(validate(request(R"({"Memory":67108864,"NanoCpus":500000000,"PidsLimit":50,
      "Binds":["/tmp:/data:ro"],"Tmpfs":{"/run":"size=1m"},"CapAdd":["net_admin"],"CapDrop":["ALL"],
      "Ulimits":[{"Name":"nofile","Soft":10,"Hard":20}],"Sysctls":{"net.core.somaxconn":"10"}})")));
}

TEST_CASE("what cannot work is refused with the value and the reason", "[container]") {
  const auto refusal = GENERATE(
      Refusal{R"({"Memory":1000})", "6MB"},
      Refusal{R"({"Memory":67108864,"MemorySwap":1000})", "memoryswap"},
      Refusal{R"({"MemorySwap":67108864})", "Memory limit"},
      Refusal{R"({"MemorySwappiness":101})", "0-100"},
      Refusal{R"({"NanoCpus":1000000,"CpuQuota":1000})", "Nano CPUs"},
      Refusal{R"({"NanoCpus":900000000000000})", "Range of CPUs"},
      Refusal{R"({"CpuPeriod":10})", "period"},
      Refusal{R"({"CpusetCpus":"99999"})", "not available"},
      Refusal{R"({"CpusetCpus":"x"})", "Invalid value x"},
      Refusal{R"({"BlkioWeight":5})", "10 to 1000"},
      Refusal{R"({"BlkioDeviceReadBps":[{"Path":"/dev/null","Rate":1}]})", "not a block device"},
      Refusal{R"({"ShmSize":-1})", "SHM size"}, Refusal{R"({"OomScoreAdj":2000})", "[-1000, 1000]"},
      Refusal{R"({"Ulimits":[{"Name":"files","Soft":1,"Hard":1}]})", "files"},
      Refusal{R"({"Ulimits":[{"Name":"nofile","Soft":3,"Hard":1}]})", "3 > 1"},
      Refusal{R"({"CapAdd":["FLY"]})", "unknown capability: \"FLY\""},
      Refusal{R"({"SecurityOpt":["magic"]})", "magic"}, Refusal{R"({"Binds":["/a"]})", "/a"},
      Refusal{R"({"Binds":["/a:b"]})", "absolute"},
      Refusal{R"({"Binds":["/a:/b:sideways"]})", "sideways"},
      Refusal{R"({"Binds":["/a:/b"],"Tmpfs":{"/b":""}})", "Duplicate mount point"},
      Refusal{R"({"Mounts":[{"Type":"bind","Source":"/no/such/path","Target":"/b"}]})",
              "/no/such/path"},
      Refusal{R"({"Tmpfs":{"/":""}})", "\"/\""},
      Refusal{R"({"RestartPolicy":{"Name":"maybe"}})", "maybe"},
      Refusal{R"({"LogConfig":{"Type":"smoke"}})", "smoke"},
      Refusal{R"({"LogConfig":{"Type":"json-file","Config":{"size":"1"}}})", "size"},
      Refusal{R"({"Sysctls":{"kernel.hostname":"x"}})", "kernel.hostname"},
      Refusal{R"({"Sysctls":{"net.core.somaxconn":"1"},"NetworkMode":"host"})",
              "network namespace"},
      Refusal{R"({"Devices":[{"PathOnHost":"/etc","PathInContainer":"/dev/x"}]})", "not a device"},
      Refusal{R"({"DeviceCgroupRules":["c 1:3 q"]})", "c 1:3 q"},
      Refusal{R"({"PidMode":"elsewhere"})", "invalid PID mode: elsewhere"});
  CHECK_THROWS_WITH(validate(request(refusal.host_config)), Contains(refusal.message));
}

TEST_CASE("names and commands", "[container]") {
  CHECK_NOTHROW(validate_name("web-1"));
  CHECK_THROWS_WITH(validate_name("a/b"), Contains("Invalid container name (a/b)"));
  api::ContainerConfig config;
  CHECK_THROWS_WITH(validate_complete(config), "no command specified");
  config.cmd = {"true"};
  CHECK_NOTHROW(validate_complete(config));
}

TEST_CASE("signals by name and number", "[container]") {
  CHECK(parse_signal("KILL") == 9);
  CHECK(parse_signal("sigterm") == 15);
  CHECK(parse_signal("3") == 3);
  CHECK(parse_signal("RTMIN+3") == 37);
  CHECK(parse_signal("SIGRTMAX-1") == 63);
  const auto bad = GENERATE("", "0", "65", "-1", "SIGNOPE", "RTMIN+99", "RTMIN-1", "9x");
  CHECK_THROWS_WITH(parse_signal(bad), Contains("Invalid signal: "));
}

TEST_CASE("an image completes a request", "[container]") {
  api::ImageConfig image;
  image.cmd = {"serve"};
  image.entrypoint = {"/entry"};
  image.env = {"A=image", "B=image"};
  image.labels = {{"from", "image"}, {"both", "image"}};
  image.working_dir = "/srv";
  image.user = "www";
  api::ContainerConfig config;
  config.env = {"B=request", "C=request"};
  config.labels = {{"both", "request"}};

  SECTION("everything open comes from the image") {
    complete_from_image(config, image);
    CHECK(config.cmd == api::StringList{"serve"});
    CHECK(config.entrypoint == api::StringList{"/entry"});
    CHECK(config.env == api::StringList{"A=image", "B=request", "C=request"});
    CHECK(config.labels == api::StringMap{{"from", "image"}, {"both", "request"}});
    CHECK(config.working_dir == "/srv");
    CHECK(config.user == "www");
  }
  SECTION("a command replaces the image's, with its entrypoint before it") {
    config.cmd = {"other"};
    complete_from_image(config, image);
    CHECK(config.cmd == api::StringList{"other"});
    CHECK(config.entrypoint == api::StringList{"/entry"});
  }
  SECTION("an entrypoint of its own does without the image's command") {
    config.entrypoint = api::StringList{"/mine"};
    complete_from_image(config, image);
    CHECK(config.cmd.empty());
    CHECK(config.entrypoint == api::StringList{"/mine"});
  }
  SECTION("an empty entrypoint takes the image's away") {
    config.entrypoint = api::StringList{""};
    config.cmd = {"other"};
    complete_from_image(config, image);
    CHECK_FALSE(config.entrypoint);
    CHECK(config.cmd == api::StringList{"other"});
  }
}

TEST_CASE("security options", "[container]") {
  CHECK(parse_security_options({"no-new-privileges"}).no_new_privileges == true);
  CHECK(parse_security_options({"no-new-privileges:false"}).no_new_privileges == false);
  CHECK(parse_security_options({"seccomp=unconfined"}).seccomp_unconfined);
  CHECK(parse_security_options({R"(seccomp={"defaultAction":"SCMP_ACT_ALLOW"})"}).seccomp_profile ==
        R"({"defaultAction":"SCMP_ACT_ALLOW"})");
  CHECK(parse_security_options({"systempaths=unconfined"}).system_paths_unconfined);
}

TEST_CASE("runtimes are known by name", "[container]") {
  Settings settings;
  settings.runtimes["crun"] = {"/usr/bin/crun", {}};
  CHECK_NOTHROW(validate_runtime("berth", settings));
  CHECK_NOTHROW(validate_runtime("crun", settings));
  CHECK_THROWS_WITH(validate_runtime("kata", settings),
                    Contains("unknown or invalid runtime name: kata"));
}
