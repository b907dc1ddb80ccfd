// Holds every struct's field list, with the types of its members, against the definitions of the
// reference (tests/support/reference). A property that a struct leaves out, and a field that the
// reference does not have, must be listed here with the reason.
#include <fstream>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "api/auth.hpp"
#include "api/container.hpp"
#include "api/error.hpp"
#include "api/event.hpp"
#include "api/exec.hpp"
#include "api/image.hpp"
#include "api/progress.hpp"
#include "api/reader.hpp"
#include "api/stats.hpp"
#include "api/system.hpp"

using namespace berth::api;
using nlohmann::json;

namespace {

const std::map<std::string, std::string> kLeftOut = {
    {"ImageSummary.Manifests", "only with ?manifests=1, of an image store with many platforms"},
    {"ImageInspect.Manifests", "the same"},
    {"SystemInfo.Containerd", "no containerd is involved; optional in the reference"},
    {"ContainerStatsResponse.memory_stats.commitbytes", "of Windows"},
    {"ContainerStatsResponse.memory_stats.commitpeakbytes", "of Windows"},
    {"ContainerStatsResponse.memory_stats.privateworkingset", "of Windows"},
    {"ContainerStatsResponse.networks.*.endpoint_id", "of Windows"},
    {"ContainerStatsResponse.networks.*.instance_id", "of Windows"},
    {"SystemInfo.Swarm.Cluster", "no swarm; absent unless one is active"},
};

const std::map<std::string, std::string> kAdded = {
    {"EventMessage.status", "older clients read it"},
    {"EventMessage.id", "older clients read it"},
    {"EventMessage.from", "older clients read it"},
    {"AuthConfig.auth", "what configuration files of clients hold"},
    {"AuthConfig.identitytoken", "what token logins use"},
    {"AuthConfig.registrytoken", "what token logins use"},
};

class Reference {
 public:
  Reference() : document_(json::parse(std::ifstream(BERTH_API_REFERENCE))) {}

  /// The schema with its $ref followed and its allOf merged.
  json resolve(const json& schema) const {
    json result = schema;
    if (const auto ref = schema.find("$ref"); ref != schema.end()) {
      const std::string name = ref->get<std::string>().substr(std::string("#/definitions/").size());
      result = resolve(document_.at("definitions").at(name));
    }
    const json parts = schema.value("allOf", json::array());
    for (const json& part : parts) {
      const json resolved = resolve(part);
      if (resolved.contains("type")) result["type"] = resolved["type"];
      const json properties = resolved.value("properties", json::object());
      for (const auto& [name, property] : properties.items()) {
        result["properties"][name] = property;
      }
    }
    return result;
  }

  json definition(const std::string& name) const {
    return resolve(document_.at("definitions").at(name));
  }

  /// The schema of an answer that has no name of its own.
  json answer(const std::string& path, const std::string& method) const {
    return resolve(document_.at("paths").at(path).at(method).at("responses").at("200"));
  }

 private:
  json document_;
};

class Comparison {
 public:
  /// Checks T against the definition, and whatever both have, recursively.
  template <typename T>
  void compare(const std::string& definition) {
    compare_struct<T>(reference_.definition(definition), definition);
  }
  template <typename T>
  void compare_answer(const std::string& path) {
    compare_struct<T>(reference_.answer(path, "get"), path);
  }

 private:
  template <typename T>
  void compare_struct(const json& schema, const std::string& where) {
    std::set<std::string> names;
    collect<T>(names);
    const json properties = schema.value("properties", json::object());
    for (const auto& [name, property] : properties.items()) {
      INFO(where << "." << name << " is missing");
      CHECK(names.contains(name) != kLeftOut.contains(where + "." + name));
    }
    for (const std::string& name : names) {
      INFO(where << "." << name << " is not in the reference");
      CHECK(properties.contains(name) != kAdded.contains(where + "." + name));
    }
    std::apply([&](const auto&... each) { (compare_field(properties, where, each), ...); },
               T::fields());
  }

  template <typename T>
  static void collect(std::set<std::string>& names) {
    std::apply([&](const auto&... each) { (add_name(names, each), ...); }, T::fields());
  }
  template <typename Struct, typename Member>
  static void add_name(std::set<std::string>& names, const Field<Struct, Member>& one) {
    INFO(one.name);
    CHECK(names.insert(std::string(one.name)).second);
  }
  template <typename Struct, typename Member>
  static void add_name(std::set<std::string>& names, const Flattened<Struct, Member>& /*one*/) {
    collect<Member>(names);
  }

  template <typename Struct, typename Member>
  void compare_field(const json& properties, const std::string& where,
                     const Field<Struct, Member>& one) {
    const auto property = properties.find(one.name);
    if (property == properties.end()) return;
    compare_type<Member>(reference_.resolve(*property), where + "." + std::string(one.name));
  }
  template <typename Struct, typename Member>
  void compare_field(const json& properties, const std::string& where,
                     const Flattened<Struct, Member>& /*one*/) {
    std::apply([&](const auto&... each) { (compare_field(properties, where, each), ...); },
               Member::fields());
  }

  template <typename T>
  void compare_type(const json& schema, const std::string& where) {
    const std::string type = schema.value("type", "");
    INFO(where << " has type " << type);
    if constexpr (kIsOptional<T>) {
      compare_type<typename T::value_type>(schema, where);
    } else if constexpr (std::is_same_v<T, RawJson>) {
      SUCCEED();
    } else if constexpr (std::is_same_v<T, bool>) {
      CHECK(type == "boolean");
    } else if constexpr (std::is_integral_v<T>) {
      CHECK(type == "integer");
    } else if constexpr (std::is_same_v<T, std::string>) {
      CHECK(type == "string");
    } else if constexpr (kIsVector<T> || kIsArray<T>) {
      CHECK(type == "array");
      compare_type<typename T::value_type>(reference_.resolve(schema.at("items")), where + "[]");
    } else if constexpr (std::is_same_v<T, KeySet>) {
      CHECK(type == "object");
    } else if constexpr (kIsMap<T>) {
      CHECK((type == "object" || schema.contains("additionalProperties")));
      if (schema.contains("additionalProperties")) {
        compare_type<typename T::mapped_type>(reference_.resolve(schema["additionalProperties"]),
                                              where + ".*");
      }
    } else {
      CHECK(type == "object");
      compare_struct<T>(schema, where);
    }
  }

  Reference reference_;
};

}  // namespace

TEST_CASE("the structs have the fields of the reference") {
  Comparison comparison;
  comparison.compare<ContainerConfig>("ContainerConfig");
  comparison.compare<HostConfig>("HostConfig");
  comparison.compare<NetworkingConfig>("NetworkingConfig");
  comparison.compare<NetworkSettings>("NetworkSettings");
  comparison.compare<Port>("Port");
  comparison.compare<CreateResponse>("ContainerCreateResponse");
  comparison.compare<ContainerInspect>("ContainerInspectResponse");
  comparison.compare<ContainerSummary>("ContainerSummary");
  comparison.compare<ContainerState>("ContainerState");
  comparison.compare<WaitResponse>("ContainerWaitResponse");
  comparison.compare<ContainerStats>("ContainerStatsResponse");
  comparison.compare<TopResponse>("ContainerTopResponse");
  comparison.compare<ImageConfig>("ImageConfig");
  comparison.compare<ImageSummary>("ImageSummary");
  comparison.compare<ImageInspect>("ImageInspect");
  comparison.compare<HistoryItem>("ImageHistoryResponseItem");
  comparison.compare<DeleteItem>("ImageDeleteResponseItem");
  comparison.compare<OciDescriptor>("OCIDescriptor");
  comparison.compare<Version>("SystemVersion");
  comparison.compare<SystemInfo>("SystemInfo");
  comparison.compare<Event>("EventMessage");
  comparison.compare<ErrorResponse>("ErrorResponse");
  comparison.compare<IdResponse>("IDResponse");
  comparison.compare<AuthConfig>("AuthConfig");
  comparison.compare<ProgressMessage>("BuildInfo");
  comparison.compare_answer<ExecInspect>("/exec/{id}/json");
}
