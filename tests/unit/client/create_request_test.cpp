// The flags of run and create, and the request that comes of them.
#include <cstdlib>
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "client/commands/creation.hpp"

using namespace berth;
using namespace berth::client;
using nlohmann::json;

namespace {

struct Parsed {
  ContainerFlags flags;
  api::CreateRequest request;
};

Parsed parse(const Arguments& arguments, bool detached = false) {
  CommandLine line("create", "create", "");
  Parsed result;
  parse_container_flags(line, arguments, result.flags);
  result.request = build_create_request(result.flags, detached);
  return result;
}

/// The request's JSON for the flags in front of "image".
json request(Arguments flags) {
  flags.emplace_back("image");
  return api::to_json(parse(flags).request);
}

std::string error_of(Arguments flags) {
  flags.emplace_back("image");
  try {
    parse(flags);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("everything behind the image belongs to the container") {
  const Parsed parsed = parse({"--rm", "-it", "image", "ls", "-l", "--rm=false", "--", "x"});
  CHECK(parsed.request.config.image == "image");
  CHECK(parsed.request.config.cmd == api::StringList{"ls", "-l", "--rm=false", "--", "x"});
  CHECK(parsed.request.host_config.auto_remove);
  CHECK(parsed.request.config.tty);
  CHECK(parsed.request.config.open_stdin);
  CHECK(parsed.request.config.stdin_once);
}

TEST_CASE("a request without flags attaches the output alone") {
  const json body = request({});
  CHECK(body["AttachStdin"] == false);
  CHECK(body["AttachStdout"] == true);
  CHECK(body["AttachStderr"] == true);
  CHECK(body["StdinOnce"] == false);
  CHECK(body["Entrypoint"].is_null());
  CHECK(body["HostConfig"]["NetworkMode"] == "default");
  CHECK(body["HostConfig"]["RestartPolicy"]["Name"] == "no");
  CHECK(body["HostConfig"]["MemorySwappiness"].is_null());
  CHECK(body["HostConfig"]["MaskedPaths"].is_null());
  CHECK(body["NetworkingConfig"]["EndpointsConfig"].empty());
}

TEST_CASE("detached containers have nobody attached") {
  const api::ContainerConfig config = parse({"-i", "image"}, true).request.config;
  CHECK(config.open_stdin);
  CHECK_FALSE(config.attach_stdin);
  CHECK_FALSE(config.attach_stdout);
  CHECK_FALSE(config.stdin_once);
  CHECK_THROWS_WITH(parse({"-a", "stdout", "image"}, true),
                    Catch::Contains("--attach and --detach"));
  CHECK(parse({"-a", "stdout", "image"}).request.config.attach_stderr == false);
}

TEST_CASE("process flags") {
  ::setenv("BERTH_TEST_VARIABLE", "here", 1);
  const json body = request({"-e",
                             "A=1",
                             "-e",
                             "BERTH_TEST_VARIABLE",
                             "-e",
                             "BERTH_TEST_NONE",
                             "--label",
                             "a=b=c",
                             "-l",
                             "bare",
                             "-h",
                             "host",
                             "-u",
                             "1:2",
                             "-w",
                             "/w",
                             "--entrypoint",
                             "",
                             "--stop-signal",
                             "INT",
                             "--stop-timeout",
                             "0",
                             "--init",
                             "--group-add",
                             "5",
                             "--restart",
                             "on-failure:3"});
  CHECK(body["Env"] == json::array({"A=1", "BERTH_TEST_VARIABLE=here", "BERTH_TEST_NONE"}));
  CHECK(body["Labels"] == json({{"a", "b=c"}, {"bare", ""}}));
  CHECK(body["Hostname"] == "host");
  CHECK(body["User"] == "1:2");
  CHECK(body["WorkingDir"] == "/w");
  CHECK(body["Entrypoint"] == json::array({""}));
  CHECK(body["StopSignal"] == "INT");
  CHECK(body["StopTimeout"] == 0);
  CHECK(body["HostConfig"]["Init"] == true);
  CHECK(body["HostConfig"]["GroupAdd"] == json::array({"5"}));
  CHECK(body["HostConfig"]["RestartPolicy"] ==
        json({{"Name", "on-failure"}, {"MaximumRetryCount", 3}}));
}

TEST_CASE("environment files") {
  const std::string path = "berth_test_environment";
  std::ofstream(path) << "# comment\n\n  A=1 2 \r\nBERTH_TEST_NONE\n";
  CHECK(request({"--env-file", path})["Env"] == json::array({"A=1 2 "}));
  std::ofstream(path) << "A B=1\n";
  CHECK_THAT(error_of({"--env-file", path}), Catch::Contains("a name without blanks"));
  std::remove(path.c_str());
}

TEST_CASE("limits") {
  const json host = request({"-m",
                             "512m",
                             "--memory-swap",
                             "-1",
                             "--memory-swappiness",
                             "5",
                             "--cpus",
                             "1.5",
                             "-c",
                             "3",
                             "--cpuset-cpus",
                             "0-1",
                             "--pids-limit",
                             "-1",
                             "--blkio-weight",
                             "20",
                             "--blkio-weight-device",
                             "/dev/sda:30",
                             "--device-read-bps",
                             "/dev/sda:1mb",
                             "--device-write-iops",
                             "/dev/sda:100",
                             "--ulimit",
                             "nofile=1:2",
                             "--ulimit",
                             "nproc=5",
                             "--ulimit",
                             "core=-1",
                             "--shm-size",
                             "1g",
                             "--oom-score-adj",
                             "-5",
                             "--oom-kill-disable",
                             "--sysctl",
                             "a.b=c"})["HostConfig"];
  CHECK(host["Memory"] == 536870912);
  CHECK(host["MemorySwap"] == -1);
  CHECK(host["MemorySwappiness"] == 5);
  CHECK(host["NanoCpus"] == 1500000000);
  CHECK(host["CpuShares"] == 3);
  CHECK(host["CpusetCpus"] == "0-1");
  CHECK(host["PidsLimit"] == -1);
  CHECK(host["BlkioWeight"] == 20);
  CHECK(host["BlkioWeightDevice"] == json::array({{{"Path", "/dev/sda"}, {"Weight", 30}}}));
  CHECK(host["BlkioDeviceReadBps"] == json::array({{{"Path", "/dev/sda"}, {"Rate", 1048576}}}));
  CHECK(host["BlkioDeviceWriteIOps"] == json::array({{{"Path", "/dev/sda"}, {"Rate", 100}}}));
  CHECK(host["Ulimits"] == json::array({{{"Name", "nofile"}, {"Soft", 1}, {"Hard", 2}},
                                        {{"Name", "nproc"}, {"Soft", 5}, {"Hard", 5}},
                                        {{"Name", "core"}, {"Soft", -1}, {"Hard", -1}}}));
  CHECK(host["ShmSize"] == 1073741824);
  CHECK(host["OomScoreAdj"] == -5);
  CHECK(host["OomKillDisable"] == true);
  CHECK(host["Sysctls"] == json({{"a.b", "c"}}));
}

TEST_CASE("published and exposed ports") {
  const json body =
      request({"-p", "8080:80", "-p", "127.0.0.1:53:53/udp", "-p", "9000-9001:90-91", "-p", "80",
               "-p", "7000-7010:70", "-p", "[::1]:5:6", "-p", "0.0.0.0::33", "-p",
               "published=1,target=2,protocol=udp", "--expose", "6000-6001/sctp", "-P"});
  const auto binding = [](const char* ip, const char* port) {
    return json{{"HostIp", ip}, {"HostPort", port}};
  };
  const json expected = {{"80/tcp", {binding("", "8080"), binding("", "")}},
                         {"53/udp", {binding("127.0.0.1", "53")}},
                         {"90/tcp", {binding("", "9000")}},
                         {"91/tcp", {binding("", "9001")}},
                         {"70/tcp", {binding("", "7000-7010")}},
                         {"6/tcp", {binding("::1", "5")}},
                         {"33/tcp", {binding("0.0.0.0", "")}},
                         {"2/udp", {binding("", "1")}}};
  CHECK(body["HostConfig"]["PortBindings"] == expected);
  CHECK(body["HostConfig"]["PublishAllPorts"] == true);
  CHECK(body["ExposedPorts"].size() == 10);
  CHECK(body["ExposedPorts"].contains("6001/sctp"));
}

TEST_CASE("mounts") {
  const json body =
      request({"-v", "/a:/b:ro", "-v", "name:/c", "-v", "/anonymous", "--mount",
               "type=bind,source=/s,target=/t,readonly,bind-propagation=rslave", "--mount",
               "type=tmpfs,target=/tt,tmpfs-size=1m,tmpfs-mode=1770", "--mount",
               "src=v,dst=/v,volume-nocopy,volume-label=a=b,\"volume-opt=o=x,y\"", "--tmpfs",
               "/run", "--tmpfs", "/x:size=1m,exec", "--read-only"});
  const json& host = body["HostConfig"];
  CHECK(host["Binds"] == json::array({"/a:/b:ro", "name:/c"}));
  CHECK(body["Volumes"] == json({{"/anonymous", json::object()}}));
  CHECK(host["Tmpfs"] == json({{"/run", ""}, {"/x", "size=1m,exec"}}));
  CHECK(host["ReadonlyRootfs"] == true);
  CHECK(host["Mounts"] == json::parse(R"([
    {"Type": "bind", "Source": "/s", "Target": "/t", "ReadOnly": true,
     "BindOptions": {"Propagation": "rslave"}},
    {"Type": "tmpfs", "Target": "/tt", "TmpfsOptions": {"SizeBytes": 1048576, "Mode": 1016}},
    {"Type": "volume", "Source": "v", "Target": "/v",
     "VolumeOptions": {"NoCopy": true, "Labels": {"a": "b"},
                       "DriverConfig": {"Options": {"o": "x,y"}}}}])"));
}

TEST_CASE("networks") {
  const json one = request({"--network", "net", "--network-alias", "al", "--ip", "10.0.0.2",
                            "--mac-address", "02:42:ac:11:00:02", "--link", "a:b"});
  CHECK(one["HostConfig"]["NetworkMode"] == "net");
  CHECK(one["HostConfig"]["Links"] == json::array({"a:b"}));
  const json& endpoint = one["NetworkingConfig"]["EndpointsConfig"]["net"];
  CHECK(endpoint["Aliases"] == json::array({"al"}));
  CHECK(endpoint["IPAMConfig"]["IPv4Address"] == "10.0.0.2");
  CHECK(endpoint["MacAddress"] == "02:42:ac:11:00:02");
  const json two = request({"--network", "name=n1,alias=a1,ip=1.2.3.4", "--network", "n2"});
  CHECK(two["HostConfig"]["NetworkMode"] == "n1");
  CHECK(two["NetworkingConfig"]["EndpointsConfig"].size() == 2);
  CHECK(request({"--net", "host"})["HostConfig"]["NetworkMode"] == "host");
  const json names =
      request({"--add-host", "a:1.2.3.4", "--add-host", "b=::1", "--dns", "1.1.1.1"});
  CHECK(names["HostConfig"]["ExtraHosts"] == json::array({"a:1.2.3.4", "b:::1"}));
  CHECK(names["HostConfig"]["Dns"] == json::array({"1.1.1.1"}));
}

TEST_CASE("rights and devices") {
  const json host =
      request({"--cap-add", "SYS_ADMIN", "--cap-drop", "ALL", "--privileged", "--pid", "host",
               "--security-opt", "no-new-privileges", "--security-opt", "systempaths=unconfined",
               "--device", "/dev/fuse", "--device", "/dev/a:/dev/b:r", "--device", "/dev/c:rw",
               "--gpus", "all"})["HostConfig"];
  CHECK(host["CapAdd"] == json::array({"SYS_ADMIN"}));
  CHECK(host["CapDrop"] == json::array({"ALL"}));
  CHECK(host["Privileged"] == true);
  CHECK(host["PidMode"] == "host");
  CHECK(host["SecurityOpt"] == json::array({"no-new-privileges"}));
  CHECK(host["MaskedPaths"] == json::array());
  CHECK(host["Devices"][0]["PathInContainer"] == "/dev/fuse");
  CHECK(host["Devices"][1]["CgroupPermissions"] == "r");
  CHECK(host["Devices"][2]["PathInContainer"] == "/dev/c");
  CHECK(host["DeviceRequests"][0]["Count"] == -1);
}

TEST_CASE("health checks") {
  const json health = request(
      {"--health-cmd", "true", "--health-interval", "5s", "--health-retries", "3"})["Healthcheck"];
  CHECK(health == json::parse(R"({"Test": ["CMD-SHELL", "true"], "Interval": 5000000000,
                                  "Retries": 3})"));
  CHECK(request({"--no-healthcheck"})["Healthcheck"]["Test"] == json::array({"NONE"}));
  CHECK_FALSE(request({}).contains("Healthcheck"));
}

TEST_CASE("wrong values are refused with what would be right") {
  const auto refused = [](const Arguments& flags, const std::string& part) {
    CHECK_THAT(error_of(flags), Catch::Contains(part));
  };
  refused({"-p", "http"}, "[address:]host port");
  refused({"-p", "80-82:90-91"}, "ranges of the same length");
  refused({"-p", "1.2.3:80:80"}, "to be an address of this host");
  refused({"-p", "80:80/icmp"}, "tcp, udp or sctp");
  refused({"-p", "70000:80"}, "host port");
  refused({"-p", "80:0"}, "host port");
  refused({"--expose", "0"}, "invalid exposed port");
  refused({"--cpus", "many"}, "such as 1.5");
  refused({"--cpus", "1.0000000001"}, "such as 1.5");
  refused({"--cpus", "-1"}, "such as 1.5");
  refused({"-m", "lots"}, "lots");
  refused({"-e", "=x"}, "NAME=VALUE");
  refused({"--restart", "sometimes"}, "unless-stopped");
  refused({"--restart", "always:3"}, "on-failure[:COUNT]");
  refused({"--restart", "always", "--rm"}, "--restart and --rm");
  refused({"--ulimit", "nofile"}, "NAME=SOFT[:HARD]");
  refused({"--ulimit", "nofile=5:2"}, "not above the hard one");
  refused({"--mount", "type=bind,source=/a"}, "a target");
  refused({"--mount", "type=bind,target=/a,tmpfs-size=1"}, "not of tmpfs");
  refused({"--mount", "type=bind,target=/a,colour=red"}, "colour=red");
  refused({"--tmpfs", "run"}, "an absolute path");
  refused({"--add-host", "alone"}, "HOST:ADDRESS");
  refused({"--network", "alias=x"}, "a name");
  refused({"--attach", "stdnone"}, "stdin, stdout or stderr");
  refused({"--device", "/dev/a:/dev/b:x"}, "/dev/fuse");
  refused({"--health-interval", "soon", "--health-cmd", "x"}, "a duration");
  refused({"--no-healthcheck", "--health-cmd", "x"}, "--no-healthcheck");
  refused({"--pull", "often"}, "always, missing or never");
  refused({"--no-such-flag"}, "unknown flag: --no-such-flag");
}
