#include "daemon/runtime/spec.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <sys/mount.h>
#include <sys/resource.h>

#include "common/error.hpp"

namespace berth::runtime {

namespace {

using Catch::Matchers::Contains;
using nlohmann::json;

json minimal_spec() {
  return json::parse(R"({"ociVersion": "1.2.0",
    "process": {"args": ["sh"], "cwd": "/"},
    "linux": {"namespaces": [{"type": "mount"}, {"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}]}})");
}

json minimal_document() {
  return {{"version", 1},
          {"id", "abc"},
          {"oci", minimal_spec()},
          {"rootfs", {{"type", "bind"}, {"path", "/r"}}},
          {"log", {{"driver", "none"}}}};
}

Spec parsed(const json& document) {
  return parse_spec(document.dump());
}

}  // namespace

TEST_CASE("a minimal specification has safe defaults") {
  const Spec spec = parsed(minimal_spec());
  CHECK(spec.process.args == std::vector<std::string>{"sh"});
  CHECK(spec.process.capabilities.bounding == 0);
  CHECK(spec.process.capabilities.inheritable == 0);
  CHECK_FALSE(spec.process.no_new_privileges);
  CHECK(spec.root_propagation == (MS_REC | MS_PRIVATE));
  CHECK(spec.has_new_namespace(NamespaceKind::kNetwork));
  CHECK(spec.find_namespace(NamespaceKind::kCgroup) == nullptr);
}

TEST_CASE("the parts of a process") {
  json document = minimal_spec();
  document["process"].update(json::parse(R"({
    "terminal": true, "consoleSize": {"height": 24, "width": 80},
    "user": {"uid": 5, "gid": 6, "additionalGids": [7], "umask": 63, "username": "www:data", "additionalGroups": ["x"]},
    "env": ["A=b"], "cwd": "/w", "noNewPrivileges": true, "oomScoreAdj": -5, "apparmorProfile": "p",
    "capabilities": {"bounding": ["CAP_CHOWN", "CAP_KILL"], "ambient": ["CAP_CHOWN"]},
    "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 18446744073709551615}]})"));
  const Process process = parsed(document).process;
  CHECK(process.terminal);
  CHECK(process.console_size.width == 80);
  CHECK(process.user.username == "www:data");
  CHECK(process.user.additional_gids == std::vector<std::uint32_t>{7});
  CHECK(process.user.umask == 077U);
  CHECK(process.capabilities.bounding == 0x21);
  CHECK(process.capabilities.ambient == 1);
  CHECK(process.rlimits.at(0).resource == RLIMIT_NOFILE);
  CHECK(process.rlimits.at(0).hard == ~std::uint64_t{0});
  CHECK(process.oom_score_adj == -5);
}

TEST_CASE("resources, in the specification and alone") {
  const Resources resources = parse_resources(R"({
    "devices": [{"allow": false, "access": "rwm"}, {"allow": true, "type": "c", "major": 1, "minor": -1, "access": "r"}],
    "memory": {"limit": 1000, "swap": -1, "swappiness": 10, "disableOOMKiller": true},
    "cpu": {"shares": 512, "quota": 50000, "period": 100000, "cpus": "0-1"},
    "pids": {"limit": 5}, "hugepageLimits": [{"pageSize": "2MB", "limit": 9}],
    "blockIO": {"weight": 300, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 7}]}})");
  REQUIRE(resources.devices.size() == 2);
  CHECK(resources.devices[0].type == 'a');
  CHECK(resources.devices[1].major == 1U);
  CHECK_FALSE(resources.devices[1].minor);
  CHECK(resources.devices[1].access == DeviceRule::kRead);
  CHECK(resources.memory.swap == -1);
  CHECK(resources.cpu.quota == 50000);
  CHECK(resources.pids_limit == 5);
  CHECK(resources.block_io.read_bps.at(0).rate == 7);
}

TEST_CASE("what a specification gets wrong is named with its place") {
  const auto with = [](const char* pointer, json value) {
    json document = minimal_spec();
    document[json::json_pointer(pointer)] = std::move(value);
    return parsed(document);
  };
  CHECK_THROWS_WITH(parse_spec("{"), Contains("no JSON"));
  CHECK_THROWS_WITH(with("/process", nullptr), Contains("\"process\" is missing"));
  CHECK_THROWS_WITH(with("/process/args", json::array()),
                    Contains("\"process.args\"") && Contains("at least the program"));
  CHECK_THROWS_WITH(with("/process/args/0", 5),
                    Contains("\"process.args[0]\" is 5: must be a string"));
  CHECK_THROWS_WITH(with("/process/args/0", std::string("a\0b", 3)), Contains("NUL"));
  CHECK_THROWS_WITH(with("/process/cwd", "tmp"),
                    Contains("\"process.cwd\" is \"tmp\": must be an absolute path"));
  CHECK_THROWS_WITH(with("/process/user", {{"uid", 4294967295}}), Contains("process.user.uid"));
  CHECK_THROWS_WITH(with("/process/user", {{"uid", -1}}), Contains("process.user.uid"));
  CHECK_THROWS_WITH(
      with("/process/rlimits", json::parse(R"([{"type": "RLIMIT_NOFILE", "soft": 2, "hard": 1}])")),
      Contains("at most the hard limit"));
  CHECK_THROWS_WITH(
      with("/process/rlimits", json::parse(R"([{"type": "NOFILE", "soft": 2, "hard": 3}])")),
      Contains("RLIMIT_NOFILE"));
  CHECK_THROWS_WITH(with("/process/capabilities", {{"bounding", {"CAP_FLY"}}}),
                    Contains("unknown capability \"CAP_FLY\""));
  CHECK_THROWS_WITH(with("/process/oomScoreAdj", 1001), Contains("-1000 to 1000"));
  CHECK_THROWS_WITH(with("/linux/namespaces/0/type", "time"), Contains("one of pid"));
  CHECK_THROWS_WITH(with("/linux/namespaces/0/path", "/proc/1/ns/mnt"), Contains("always its own"));
  CHECK_THROWS_WITH(with("/linux/namespaces", json::array()), Contains("mount"));
  CHECK_THROWS_WITH(with("/linux/namespaces/1/type", "mount"), Contains("at most once"));
  CHECK_THROWS_WITH(with("/linux/maskedPaths", {"etc"}), Contains("linux.maskedPaths[0]"));
  CHECK_THROWS_WITH(with("/linux/rootfsPropagation", "sideways"), Contains("rprivate"));
  CHECK_THROWS_WITH(with("/linux/resources", {{"devices", {{{"allow", true}, {"access", "rx"}}}}}),
                    Contains("\"rwm\""));
  CHECK_THROWS_WITH(
      with("/linux/resources", {{"hugepageLimits", {{{"pageSize", "../2MB"}, {"limit", 1}}}}}),
      Contains("2MB"));
  CHECK_THROWS_WITH(with("/hostname", std::string(65, 'x')), Contains("64 bytes"));
  CHECK_THROWS_WITH(with("/mounts", json::parse(R"([{"destination": "relative"}])")),
                    Contains("mounts[0].destination"));
}

TEST_CASE("only sysctls of namespaces that are new are let in") {
  const auto with = [](const char* key, const char* network_path = "") {
    json document = minimal_spec();
    document["linux"]["sysctl"][key] = "1";
    if (*network_path != '\0') document["linux"]["namespaces"][2]["path"] = network_path;
    return parsed(document).sysctl;
  };
  CHECK(with("net.core.somaxconn").count("net/core/somaxconn") == 1);
  CHECK(with("net.ipv4.conf.eth0/1.forwarding").count("net/ipv4/conf/eth0.1/forwarding") == 1);
  CHECK(with("net/core/somaxconn").count("net/core/somaxconn") == 1);
  CHECK(with("kernel.shmmax").size() == 1);
  CHECK(with("fs.mqueue.msg_max").size() == 1);
  CHECK_THROWS_WITH(with("net.core.somaxconn", "/proc/1/ns/net"), Contains("not allowed"));
  CHECK_THROWS_WITH(with("kernel.core_pattern"), Contains("kernel/core_pattern"));
  CHECK_THROWS_WITH(with("net/../kernel/core_pattern"), Contains("not allowed"));
  CHECK_THROWS_WITH(with("vm.swappiness"), Contains("not allowed"));
}

TEST_CASE("a host name without a namespace of its own is refused") {
  json document = minimal_spec();
  document["hostname"] = "x";
  CHECK(parsed(document).hostname == "x");
  document["linux"]["namespaces"].erase(4);
  CHECK_THROWS_WITH(parsed(document), Contains("uts"));
}

TEST_CASE("the launch document") {
  json document = minimal_document();
  document["stdio"] = {{"open_stdin", true}};
  document["forward"] = json::parse(
      R"([{"fd": 0, "proto": "udp", "container_ip": "1.2.3.4", "container_port": 53}])");
  document["log"] = {{"driver", "json-file"},
                     {"file", "a.log"},
                     {"max_size", 9},
                     {"max_file", 3},
                     {"attrs", {{"a", "b"}}}};
  const LaunchDocument launch = parse_launch_document(document.dump());
  CHECK(launch.open_stdin);
  CHECK(launch.rootfs.path == "/r");
  CHECK(launch.forward.at(0).container_port == 53);
  CHECK(launch.log.max_file == 3);
  CHECK(launch.log.attrs.at("a") == "b");

  document["rootfs"] = {
      {"type", "overlay"}, {"lower", {"/a", "/b"}}, {"upper", "/u"}, {"work", "/w"}};
  CHECK(parse_launch_document(document.dump()).rootfs.lower ==
        std::vector<std::string>{"/a", "/b"});
  document["rootfs"]["lower"] = json::array();
  CHECK_THROWS_WITH(parse_launch_document(document.dump()), Contains("rootfs.lower"));
  document = minimal_document();
  document["version"] = 2;
  CHECK_THROWS_WITH(parse_launch_document(document.dump()), Contains("\"version\" is 2"));
  document = minimal_document();
  document["log"] = {{"driver", "json-file"}, {"file", "../x"}};
  CHECK_THROWS_WITH(parse_launch_document(document.dump()), Contains("log.file"));
}

TEST_CASE("a checkpoint to go on from") {
  json document = minimal_document();
  CHECK_FALSE(parse_launch_document(document.dump()).restore);
  document["restore"] = {{"program", "/usr/sbin/criu"},
                         {"images", "/c/one"},
                         {"streams", {"", "pipe:[1]", "pipe:[2]"}},
                         {"masked_files", {"/proc/kcore"}}};
  const auto restore = parse_launch_document(document.dump()).restore;
  REQUIRE(restore);
  CHECK(restore->images == "/c/one");
  CHECK(restore->streams.at(2) == "pipe:[2]");
  CHECK(restore->masked_files == std::vector<std::string>{"/proc/kcore"});
  document["restore"]["images"] = "one";
  CHECK_THROWS_WITH(parse_launch_document(document.dump()), Contains("restore.images"));
}

TEST_CASE("capability names") {
  CHECK(is_known_capability("CAP_SYS_ADMIN"));
  CHECK_FALSE(is_known_capability("SYS_ADMIN"));
  CHECK_FALSE(is_known_capability("cap_sys_admin"));
  const std::vector<std::string> two = {"CAP_CHOWN", "CAP_SYS_ADMIN"};
  CHECK(capability_mask(two) == ((1ULL << 21U) | 1U));
  CHECK(capability_name(21) == "CAP_SYS_ADMIN");
  CHECK(capability_name(-1).empty());
  CHECK(capability_name(64).empty());
  CHECK(capability_mask(known_capabilities()) ==
        (1ULL << static_cast<unsigned>(std::min(last_capability(), 40) + 1)) - 1);
}

}  // namespace berth::runtime
