// Reading and writing by field lists: values, absence, messages.
#include "api/fields.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/container.hpp"
#include "api/image.hpp"
#include "api/progress.hpp"
#include "api/system.hpp"
#include "common/error.hpp"

using namespace berth;
using namespace berth::api;

namespace {

template <typename T>
std::string message_of(const std::string& text) {
  try {
    from_text<T>(text);
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a create request is read with its flattened parts") {
  const auto request = from_text<CreateRequest>(R"({
    "Image": "nginx", "Cmd": ["a", "b"], "Tty": true, "ExposedPorts": {"80/tcp": {}},
    "Labels": {"k": "v"}, "StopTimeout": 7,
    "HostConfig": {"Memory": 1048576, "PidsLimit": 5, "NetworkMode": "none", "Init": true,
      "PortBindings": {"80/tcp": [{"HostIp": "", "HostPort": "8080"}], "81/tcp": null},
      "ConsoleSize": [24, 80], "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]},
    "NetworkingConfig": {"EndpointsConfig": {"n": {"Aliases": ["x"], "IPAMConfig": null}}}})");
  CHECK(request.config.image == "nginx");
  CHECK(request.config.cmd == StringList{"a", "b"});
  CHECK(request.config.tty);
  CHECK(request.config.exposed_ports == KeySet{"80/tcp"});
  CHECK(request.config.labels == StringMap{{"k", "v"}});
  CHECK(request.config.stop_timeout == 7);
  CHECK_FALSE(request.config.entrypoint.has_value());
  CHECK(request.host_config.resources.memory == 1048576);
  CHECK(request.host_config.resources.pids_limit == 5);
  CHECK(request.host_config.network_mode == "none");
  CHECK(request.host_config.init == true);
  CHECK(request.host_config.port_bindings.at("80/tcp").at(0).host_port == "8080");
  CHECK(request.host_config.port_bindings.at("81/tcp").empty());
  CHECK(request.host_config.console_size == std::array<std::uint32_t, 2>{24, 80});
  CHECK(request.host_config.resources.ulimits.at(0) == Ulimit{"nofile", 2, 1});
  CHECK(request.networking_config.endpoints_config.at("n").aliases == StringList{"x"});
}

TEST_CASE("null is absent") {
  const auto request = from_text<CreateRequest>(
      R"({"Image": null, "Cmd": null, "Entrypoint": null, "Labels": null, "HostConfig": null,
          "Healthcheck": null, "StopTimeout": null})");
  CHECK(request == CreateRequest{});
}

TEST_CASE("commands come as a list or as one string") {
  const auto config = from_text<ContainerConfig>(R"({"Cmd": "one two", "Entrypoint": "sh"})");
  CHECK(config.cmd == StringList{"one two"});
  CHECK(config.entrypoint == StringList{"sh"});
  CHECK(from_text<ContainerConfig>(R"({"Entrypoint": []})").entrypoint == StringList{});
}

TEST_CASE("a value of the wrong type is refused with its path") {
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"Memory": "12"}})") ==
        R"(HostConfig.Memory: expected an integer, got the string "12")");
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"Memory": 1.5}})") ==
        "HostConfig.Memory: expected an integer, got the number 1.5");
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"BlkioWeight": 70000}})") ==
        "HostConfig.BlkioWeight: expected an integer from 0 to 65535, got the number 70000");
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"Memory": 9223372036854775808}})") ==
        "HostConfig.Memory: expected an integer from -9223372036854775808 to "
        "9223372036854775807, got the number 9223372036854775808");
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"Mounts": [{}, {"Target": 3}]}})") ==
        "HostConfig.Mounts[1].Target: expected a string, got the number 3");
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"PortBindings": {"80/tcp": {}}}})") ==
        "HostConfig.PortBindings.80/tcp: expected a list, got an object");
  CHECK(message_of<CreateRequest>(R"({"HostConfig": {"ConsoleSize": [1]}})") ==
        "HostConfig.ConsoleSize: expected a list of 2, got a list of 1");
  CHECK(message_of<CreateRequest>(R"({"Tty": 1})") ==
        "Tty: expected true or false, got the number 1");
  CHECK(message_of<CreateRequest>(R"({"Env": {"A": "b"}})") ==
        "Env: expected a list, got an object");
  CHECK(message_of<CreateRequest>(R"({"Cmd": 5})") ==
        "Cmd: expected a list or a string, got the number 5");
  CHECK(message_of<CreateRequest>(R"([1])") ==
        "the JSON document: expected an object, got a list of 1");
  CHECK(message_of<CreateRequest>("null") == "the JSON document: expected an object, got null");
}

TEST_CASE("a long value is quoted in part and safely") {
  const std::string message =
      message_of<CreateRequest>(R"({"Tty": ")" + std::string(1000, 'x') + "\\u001b\"}");
  CHECK(message.size() < 150);
  CHECK(message_of<CreateRequest>(R"({"Tty": "\u001b[2J"})") ==
        R"(Tty: expected true or false, got the string "\u001b[2J")");
}

TEST_CASE("text that is no JSON is refused") {
  CHECK(message_of<CreateRequest>(R"({"Image": )") == "invalid JSON at byte 11");
  CHECK(message_of<CreateRequest>("") == "expected a JSON object, got nothing");
  CHECK(message_of<CreateRequest>("{\"Image\": \"\xff\"}") == "invalid JSON at byte 12");
}

TEST_CASE("unknown fields are listed with their paths") {
  StringList unknown;
  from_text<CreateRequest>(
      R"({"Image": "a", "Imagge": 1, "HostConfig": {"Memory": 1, "Mem": 2},
          "NetworkingConfig": {"EndpointsConfig": {"n": {"Alias": 1}}}})",
      &unknown);
  std::sort(unknown.begin(), unknown.end());
  CHECK(unknown ==
        StringList{"HostConfig.Mem", "Imagge", "NetworkingConfig.EndpointsConfig.n.Alias"});
}

TEST_CASE("empty values are written as Docker writes them") {
  const nlohmann::json config = to_json(ContainerConfig{});
  CHECK(config.at("Hostname") == "");
  CHECK(config.at("Cmd").is_null());
  CHECK(config.at("Entrypoint").is_null());
  CHECK(config.at("Volumes").is_null());
  CHECK(config.at("Labels") == nlohmann::json::object());
  CHECK(config.at("Env") == nlohmann::json::array());
  CHECK_FALSE(config.contains("ExposedPorts"));
  CHECK_FALSE(config.contains("Healthcheck"));
  CHECK_FALSE(config.contains("StopTimeout"));

  const nlohmann::json host = to_json(HostConfig{});
  CHECK(host.at("Memory") == 0);  // flattened
  CHECK(host.at("PidsLimit").is_null());
  CHECK(host.at("Binds").is_null());
  CHECK(host.at("MaskedPaths").is_null());
  CHECK(host.at("Dns") == nlohmann::json::array());
  CHECK(host.at("ConsoleSize") == nlohmann::json::array({0, 0}));
  CHECK_FALSE(host.contains("Mounts"));

  HostConfig unmasked;
  unmasked.masked_paths.emplace();
  CHECK(to_json(unmasked).at("MaskedPaths") == nlohmann::json::array());

  NetworkSettings settings;
  settings.ports = {{"80/tcp", {}}, {"81/tcp", {{"0.0.0.0", "8081"}}}};
  CHECK(to_json(settings).at("Ports") ==
        nlohmann::json::parse(
            R"({"80/tcp": null, "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8081"}]})"));
}

TEST_CASE("text keeps the order of the list, escapes, and survives bytes that are no UTF-8") {
  CHECK(to_text(PortBinding{"a\"\\\n\x01", "\xC3\xA9"}) ==
        "{\"HostIp\":\"a\\\"\\\\\\n\\u0001\",\"HostPort\":\"\xC3\xA9\"}");
  CHECK(to_text(PortBinding{"\xff"
                            "a\xC3",
                            "\xED\xA0\x80"}) ==
        "{\"HostIp\":\"\xEF\xBF\xBD"
        "a\xEF\xBF\xBD\",\"HostPort\":"
        "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"}");
  CHECK(list_to_text(std::vector<PortBinding>{}) == "[]");
  CHECK(list_to_text(std::vector<PortBinding>{{"a", "1"}, {}}) ==
        R"([{"HostIp":"a","HostPort":"1"},{"HostIp":"","HostPort":""}])");
}

TEST_CASE("a progress line carries any aux") {
  const auto message = from_text<ProgressMessage>(
      R"({"status": "Downloading", "progressDetail": {"current": 1}, "id": "x", "aux": {"ID": 5}})");
  CHECK(message.progress_detail->current == 1);
  CHECK(message.aux.text == R"({"ID":5})");
  CHECK(to_text(message) ==
        R"({"status":"Downloading","progressDetail":{"current":1},"id":"x","aux":{"ID":5}})");
  CHECK(to_text(ProgressMessage{}) == "{}");
}

TEST_CASE("what was written is read back equal") {
  ContainerInspect inspect;
  inspect.id = "abc";
  inspect.state.health.emplace().log.push_back({"s", "e", 1, "out"});
  inspect.host_config.resources.nano_cpus = 1500000000;
  Mount& mount = inspect.host_config.mounts.emplace_back();
  mount.target = "/b";
  mount.bind_options.emplace().propagation = "rslave";
  inspect.config.entrypoint.emplace();
  inspect.network_settings.networks["bridge"].ip_address = "172.17.0.2";
  inspect.size_rw = 0;
  CHECK(from_text<ContainerInspect>(to_text(inspect)) == inspect);
  CHECK(from_json<ContainerInspect>(to_json(inspect)) == inspect);
  CHECK(list_from_text<PortBinding>("null").empty());
  CHECK(list_from_text<PortBinding>(R"([{"HostPort": "1"}])").at(0).host_port == "1");
}
