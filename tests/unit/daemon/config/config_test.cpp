#include "daemon/config.hpp"

#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <stdlib.h>

#include "common/error.hpp"

using namespace berth;
using Catch::Matchers::Contains;

namespace {

/// A daemon.json in a folder of its own.
class ConfigFile {
 public:
  explicit ConfigFile(const std::string& text) {
    std::string pattern = std::filesystem::temp_directory_path() / "berth-config-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    std::ofstream(path()) << text;
  }
  ConfigFile(const ConfigFile&) = delete;
  ConfigFile& operator=(const ConfigFile&) = delete;
  ~ConfigFile() { std::filesystem::remove_all(folder_); }

  std::string path() const { return folder_ / "daemon.json"; }

 private:
  std::filesystem::path folder_;
};

Config read_with(const std::string& json, std::vector<std::string> flags = {}) {
  const ConfigFile file(json);
  flags.push_back("--config-file=" + file.path());
  return read_config(flags);
}

std::string refusal(const std::string& json, std::vector<std::string> flags = {}) {
  try {
    read_with(json, std::move(flags));
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    return error.what();
  }
  return "nothing was refused";
}

}  // namespace

TEST_CASE("with no flags and an empty file the defaults hold", "[config]") {
  const Config config = read_with("{}");
  CHECK(config.hosts == std::vector<std::string>{"unix:///var/run/berth.sock"});
  CHECK(config.data_root == "/var/lib/berth");
  CHECK(config.exec_root == "/run/berth");
  CHECK(config.group == "berth");
  CHECK_FALSE(config.group_given);
  CHECK(config.log_level == "info");
  CHECK(config.iptables);
  CHECK(config.live_restore);
  CHECK(read_with(" \n").hosts == config.hosts);
}

TEST_CASE("flags are dockerd's", "[config]") {
  const Config config = read_with("{}", {"-H",
                                         "unix:///run/a.sock",
                                         "--host=tcp://127.0.0.1:2375",
                                         "-D",
                                         "-G",
                                         "docker",
                                         "--data-root",
                                         "/srv/b",
                                         "--bip=10.9.0.1/24",
                                         "--iptables=false",
                                         "--icc=false",
                                         "--dns",
                                         "1.1.1.1",
                                         "--dns=::1",
                                         "--log-opt",
                                         "max-size=10m",
                                         "--log-opt=max-file=3",
                                         "--default-ulimit",
                                         "nofile=1024:2048",
                                         "--default-ulimit=nproc=7",
                                         "--default-address-pool",
                                         "base=10.80.0.0/16,size=24",
                                         "--mtu",
                                         "1400",
                                         "--mtu=1300",
                                         "--exec-opt",
                                         "native.cgroupdriver=cgroupfs",
                                         "--label",
                                         "a=b"});
  CHECK(config.hosts == std::vector<std::string>{"unix:///run/a.sock", "tcp://127.0.0.1:2375"});
  CHECK(config.debug);
  CHECK(config.log_level == "debug");
  CHECK(config.group == "docker");
  CHECK(config.group_given);
  CHECK(config.data_root == "/srv/b");
  CHECK(config.bip == "10.9.0.1/24");
  CHECK_FALSE(config.iptables);
  CHECK_FALSE(config.icc);
  CHECK(config.dns == std::vector<std::string>{"1.1.1.1", "::1"});
  CHECK(config.log_options ==
        std::map<std::string, std::string>{{"max-size", "10m"}, {"max-file", "3"}});
  CHECK(config.default_ulimits.at("nofile") == UlimitOption{1024, 2048});
  CHECK(config.default_ulimits.at("nproc") == UlimitOption{7, 7});
  CHECK(config.default_address_pools == std::vector<AddressPoolOption>{{"10.80.0.0/16", 24}});
  CHECK(config.mtu == 1300);
}

TEST_CASE("a bool flag needs no value", "[config]") {
  CHECK(read_with("{}", {"--ip-masq"}).ip_masq);
  CHECK(read_with("{}", {"--debug=true"}).debug);
  CHECK_FALSE(read_with("{}", {"--ip-masq=false"}).ip_masq);
}

TEST_CASE("an option of a list takes one value and swallows no other words", "[config]") {
  CHECK_THAT(refusal("{}", {"--dns", "1.1.1.1", "2.2.2.2"}), Contains("2.2.2.2"));
}

TEST_CASE("the file's keys are dockerd's", "[config]") {
  const Config config = read_with(R"({
    "hosts": ["unix://"], "debug": true, "labels": ["rack=3"], "mtu": 9000,
    "log-opts": {"max-size": "5m"}, "dns-opts": ["ndots:1"], "live-restore": true,
    "insecure-registries": ["10.0.0.0/8", "host:5000"], "registry-mirrors": ["https://m.example"],
    "default-ulimits": {"nofile": {"Name": "nofile", "Hard": 64000, "Soft": 64000}},
    "default-address-pools": [{"base": "172.30.0.0/16", "size": 24}], "group": "staff",
    "shutdown-timeout": 5, "exec-opts": ["native.cgroupdriver=cgroupfs"]})");
  CHECK(config.hosts == std::vector<std::string>{"unix:///var/run/berth.sock"});
  CHECK(config.log_level == "debug");
  CHECK(config.labels == std::vector<std::string>{"rack=3"});
  CHECK(config.mtu == 9000);
  CHECK(config.log_options.at("max-size") == "5m");
  CHECK(config.insecure_registries.size() == 2);
  CHECK(config.default_ulimits.at("nofile") == UlimitOption{64000, 64000});
  CHECK(config.default_address_pools.front().size == 24);
  CHECK(config.group_given);
  CHECK(config.shutdown_timeout == 5);
}

TEST_CASE("proxies are a group in the file and flags of their own", "[config]") {
  const Config config = read_with(
      R"({"proxies": {"http-proxy": "http://p:3128", "https-proxy": "http://s:3128", "no-proxy": "*.test"}})");
  CHECK(config.http_proxy == "http://p:3128");
  CHECK(config.https_proxy == "http://s:3128");
  CHECK(config.no_proxy == "*.test");
  CHECK(read_with("{}", {"--http-proxy=http://f:1"}).http_proxy == "http://f:1");
  CHECK_THAT(refusal(R"({"proxies": {"ftp-proxy": "x"}})"), Contains("ftp-proxy"));
  CHECK_THAT(refusal(R"({"proxies": "http://p:3128"})"), Contains("must be an object"));
  CHECK_THAT(refusal(R"({"proxies": {"http-proxy": "a"}})", {"--http-proxy=b"}),
             Contains("both as a flag and in the configuration file"));
  CHECK_THAT(refusal(R"({"proxies": {"no-proxy": 1}})"), Contains("no-proxy"));
}

TEST_CASE("unknown keys are named, all of them", "[config]") {
  CHECK_THAT(refusal(R"({"debug": true, "colour": "red", "speed": 3})"),
             Contains("don't match any configuration option: colour, speed"));
}

TEST_CASE("keys of dockerd that Berth does not have may only say no", "[config]") {
  CHECK_NOTHROW(read_with(R"({"ipv6": false, "userns-remap": "", "features": {}})"));
  CHECK_THAT(refusal(R"({"ipv6": true})"), Contains("\"ipv6\"") && Contains("not supported"));
}

TEST_CASE("an option in both places is a conflict that shows both values", "[config]") {
  const std::string message = refusal(R"({"mtu": 1400, "labels": ["a=b"]})", {"--mtu=1300"});
  CHECK_THAT(message, Contains("both as a flag and in the configuration file: mtu: "
                               "(from flag: 1300, from file: 1400)"));
  CHECK_THAT(message, !Contains("labels"));
  CHECK_THAT(refusal(R"({"hosts": ["fd://"]})", {"-H", "fd://"}), Contains("hosts"));
  CHECK_THAT(refusal(R"({"log-opts": {"a": "b"}})", {"--log-opt", "a=b"}), Contains("log-opts"));
}

TEST_CASE("a value of the wrong type is refused with the key", "[config]") {
  const auto json = GENERATE(as<std::string>{}, R"({"mtu": "big"})", R"({"mtu": 1.5})",
                             R"({"mtu": 99999999999})", R"({"mtu": [1]})");
  CHECK_THAT(refusal(json), Contains("mtu"));
  CHECK_THAT(refusal(R"({"dns": "1.1.1.1"})"), Contains("\"dns\""));
  CHECK_THAT(refusal(R"({"log-opts": {"max-file": 3}})"), Contains("\"log-opts\""));
  CHECK_THAT(refusal(R"({"default-ulimits": {"nofile": 3}})"), Contains("\"default-ulimits\""));
}

TEST_CASE("what is no JSON object is refused with the line", "[config]") {
  CHECK_THAT(refusal("{\n\"debug\": true\n\"mtu\": 3}"), Contains("line 3"));
  CHECK_THAT(refusal("[]"), Contains("not a JSON object"));
}

TEST_CASE("values are checked", "[config]") {
  const auto [flag, word] = GENERATE(
      table<std::string, std::string>({{"--mtu=10", "mtu"},
                                       {"--bip=172.17.0.1", "bip"},
                                       {"--bip=172.17.0.1/33", "bip"},
                                       {"--fixed-cidr=x/8", "fixed-cidr"},
                                       {"--ip=300.1.1.1", "ip"},
                                       {"--default-gateway=fe80::1", "default gateway"},
                                       {"--dns=nameserver", "dns"},
                                       {"--data-root=relative", "data root"},
                                       {"--host=http://x", "host"},
                                       {"--host=unix://relative", "host"},
                                       {"--host=tcp://noport", "host"},
                                       {"--log-level=chatty", "log level"},
                                       {"--label=bare", "label"},
                                       {"--shutdown-timeout=-5", "shutdown timeout"},
                                       {"--bridge=averylongbridgename", "bridge"},
                                       {"--log-opt=bare", "log-opt"},
                                       {"--storage-opt=size=1G", "storage option"},
                                       {"--exec-opt=native.cgroupdriver=systemd", "cgroupfs"},
                                       {"--default-ulimit=nofile=3:2", "soft limit"},
                                       {"--default-ulimit=nofile=many", "nofile=many"},
                                       {"--default-shm-size=big", "big"},
                                       {"--seccomp-profile=/no/such", "seccomp profile"},
                                       {"--registry-mirror=mirror", "registry mirror"},
                                       {"--insecure-registry=http://x", "insecure registry"},
                                       {"--max-concurrent-downloads=0", "downloads"},
                                       {"--default-address-pool=base=10.0.0.0/16,size=8", "pool"},
                                       {"--default-address-pool=size=8", "pool"},
                                       {"--live-restore=false", "live-restore"},
                                       {"--userland-proxy=false", "userland-proxy"},
                                       {"--tls", "TLS is not supported"},
                                       {"--tlscert=/c", "TLS is not supported"},
                                       {"--no-such-flag", "no-such-flag"}}));
  CHECK_THAT(refusal("{}", {flag}), Contains(word));
}

TEST_CASE("a file that was asked for must be there", "[config]") {
  CHECK_THROWS_WITH(read_config({"--config-file", "/no/such/daemon.json"}),
                    Contains("/no/such/daemon.json"));
}

TEST_CASE("a reload takes what may change and names what may not", "[config]") {
  Config running = read_with(R"({"labels": ["a=1"], "mtu": 1500})");
  const Config fresh =
      read_with(R"({"labels": ["a=2"], "debug": true, "mtu": 1400, "shutdown-timeout": 3})");
  CHECK(take_reloadable(running, fresh) == std::vector<std::string>{"mtu"});
  CHECK(running.labels == std::vector<std::string>{"a=2"});
  CHECK(running.log_level == "debug");
  CHECK(running.shutdown_timeout == 3);
  CHECK(running.mtu == 1500);
  CHECK(take_reloadable(running, running).empty());
}
