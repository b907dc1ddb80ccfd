#include "daemon/container/spec.hpp"

#include <algorithm>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "daemon/container/devices.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/resources.hpp"
#include "daemon/container/run_state.hpp"

using namespace berth;
using namespace berth::container;
using nlohmann::json;

namespace {

Definition definition() {
  Definition what;
  what.id = ContainerId(std::string(64, 'a'));
  what.config.cmd = {"true"};
  what.host_config.network_mode = "bridge";
  what.host_config.ipc_mode = "private";
  what.host_config.cgroupns_mode = "private";
  return what;
}

json spec_of(const Definition& what) {
  const Settings settings;
  return build_spec({what, settings, "/folder", "box", {}});
}

std::vector<std::string> namespace_types(const json& spec) {
  std::vector<std::string> types;
  for (const json& entry : spec["linux"]["namespaces"])
    types.push_back(entry["type"]);
  std::sort(types.begin(), types.end());
  return types;
}

bool has(const std::vector<std::string>& list, const std::string& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

TEST_CASE("a container gets every namespace of its own by default", "[spec]") {
  const json spec = spec_of(definition());
  CHECK(namespace_types(spec) ==
        std::vector<std::string>{"cgroup", "ipc", "mount", "network", "pid", "uts"});
  CHECK(spec["hostname"] == "box");
  CHECK(spec["linux"]["cgroupsPath"] == "/berth/" + std::string(64, 'a'));
  CHECK(has(spec["linux"]["maskedPaths"], "/proc/kcore"));
  CHECK(has(spec["linux"]["readonlyPaths"], "/proc/sys"));
}

TEST_CASE("host modes and joined networks", "[spec]") {
  Definition what = definition();
  what.host_config.pid_mode = what.host_config.uts_mode = what.host_config.ipc_mode = "host";
  what.host_config.network_mode = "host";
  const json spec = spec_of(what);
  CHECK(namespace_types(spec) == std::vector<std::string>{"cgroup", "mount"});
  CHECK_FALSE(spec.contains("hostname"));
  CHECK(spec["linux"]["sysctl"].empty());

  const Settings settings;
  const Definition joining = definition();
  const json joined = build_spec({joining, settings, "/folder", "box", {42, 43, 44}});
  CHECK(joined["linux"]["namespaces"].back()["path"] == "/proc/42/ns/net");
  CHECK(joined["linux"]["namespaces"][1]["path"] == "/proc/43/ns/pid");
  for (const json& mount : joined["mounts"]) {
    if (mount["destination"] == "/dev/shm") CHECK(mount["sourceNamespace"] == "/proc/44/ns/mnt");
  }
}

TEST_CASE("an init of ours comes before the program, and never into another's processes",
          "[spec]") {
  Settings settings;
  settings.init_program = "/usr/libexec/berth/berth-init";
  Definition what = definition();
  what.host_config.init = true;
  const json spec = build_spec({what, settings, "/folder", "box", {}});
  CHECK(spec["process"]["args"] == json({"/sbin/docker-init", "--", "true"}));
  CHECK(spec["mounts"].back()["source"] == settings.init_program.native());
  CHECK(has(spec["mounts"].back()["options"], "ro"));

  what.host_config.pid_mode = "host";
  CHECK(build_spec({what, settings, "/folder", "box", {}})["process"]["args"] == json({"true"}));
  what.host_config.pid_mode.clear();
  settings.init_program.clear();
  CHECK_THROWS_WITH(build_spec({what, settings, "/folder", "box", {}}),
                    Catch::Contains("cannot find berth-init"));
}

TEST_CASE("the daemon's limits hold where the request names none", "[spec]") {
  Settings settings;
  settings.ulimits = {{"nofile", {"nofile", 20, 10}}, {"core", {"core", -1, 0}}};
  Definition what = definition();
  what.host_config.resources.ulimits = {{"nofile", 4, 3}};
  const json limits = build_spec({what, settings, "/folder", "box", {}})["process"]["rlimits"];
  CHECK(limits == json::array({{{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", ~std::uint64_t{0}}},
                               {{"type", "RLIMIT_NOFILE"}, {"soft", 3}, {"hard", 4}}}));
}

TEST_CASE("the environment is the base's, then the request's", "[spec]") {
  Definition what = definition();
  what.config.env = {"PATH=/mine", "NEW=1", "HOSTNAME"};
  CHECK(spec_of(what)["process"]["env"] == json({"PATH=/mine", "NEW=1"}));
}

TEST_CASE("capabilities are added and dropped from the default", "[spec]") {
  api::HostConfig host_config;
  CHECK(effective_capabilities(host_config).size() == 14);
  host_config.cap_drop = {"ALL"};
  CHECK(effective_capabilities(host_config).empty());
  host_config.cap_add = {"net_admin"};
  CHECK(effective_capabilities(host_config) == std::vector<std::string>{"CAP_NET_ADMIN"});
  host_config.cap_add = {"ALL"};
  host_config.cap_drop = {"CAP_SYS_ADMIN"};
  const auto granted = effective_capabilities(host_config);
  CHECK(granted.size() > 30);
  CHECK_FALSE(has(granted, "CAP_SYS_ADMIN"));
}

TEST_CASE("limits in the form of the specification", "[spec]") {
  api::Resources resources;
  resources.memory = 64 << 20;
  resources.nano_cpus = 1'500'000'000;
  resources.cpuset_cpus = "0";
  resources.pids_limit = 7;
  const json limits = oci_resources(resources);
  CHECK(limits["memory"]["limit"] == 64 << 20);
  CHECK(limits["memory"]["swap"] == 128 << 20);
  CHECK(limits["cpu"] == json({{"period", 100000}, {"quota", 150000}, {"cpus", "0"}}));
  CHECK(limits["pids"]["limit"] == 7);
  CHECK(oci_resources(api::Resources{}).empty());
}

TEST_CASE("a privileged container may use every device and sees every path", "[spec]") {
  Definition what = definition();
  what.host_config.privileged = true;
  const json spec = spec_of(what);
  CHECK_FALSE(spec["linux"].contains("maskedPaths"));
  CHECK(spec["linux"]["resources"]["devices"] ==
        json::array({{{"allow", true}, {"access", "rwm"}}}));
}

TEST_CASE("device rules", "[spec]") {
  CHECK(parse_device_rule("c 10:* rw") ==
        json({{"allow", true}, {"type", "c"}, {"major", 10}, {"access", "rw"}}));
  CHECK(parse_device_rule("a *:* rwm") ==
        json({{"allow", true}, {"type", "a"}, {"access", "rwm"}}));
  CHECK(device_rules({})[0] == json({{"allow", false}, {"access", "rwm"}}));
}

TEST_CASE("mounts come in the order in which they can be made, and the user's win", "[spec]") {
  Definition what = definition();
  what.host_config.binds = {"/x:/a/b/c:ro", "/y:/a"};
  what.host_config.tmpfs = {{"/dev/shm", "size=1m,exec"}};
  const json spec = spec_of(what);
  std::vector<std::string> destinations;
  for (const json& mount : spec["mounts"])
    destinations.push_back(mount["destination"]);
  const auto at = [&](const std::string& path) {
    return std::find(destinations.begin(), destinations.end(), path) - destinations.begin();
  };
  CHECK(at("/proc") < at("/a"));
  CHECK(at("/a") < at("/a/b/c"));
  CHECK(std::count(destinations.begin(), destinations.end(), "/dev/shm") == 1);
  const json shm = spec["mounts"][static_cast<std::size_t>(at("/dev/shm"))];
  CHECK(shm["options"] == json({"nosuid", "nodev", "size=1m", "exec"}));
  CHECK(has(spec["mounts"][static_cast<std::size_t>(at("/a/b/c"))]["options"], "rro"));
}

TEST_CASE("a run's state goes through JSON unchanged", "[spec]") {
  RunState state;
  state.to_running(42, parse_rfc3339("2024-01-01T00:00:00.5Z"));
  CHECK(state.is_running());
  CHECK_THROWS(state.to_running(43, now()));
  state.to_exited(137, true, parse_rfc3339("2024-01-01T00:00:01Z"));
  const RunState again = run_state_from_json(to_json(state));
  CHECK(again.status == Status::kExited);
  CHECK(again.exit_code == 137);
  CHECK(again.oom_killed);
  CHECK(again.started_at == state.started_at);
  CHECK(again.finished_at == state.finished_at);
}
