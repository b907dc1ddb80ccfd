#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "daemon/network/service.hpp"

namespace berth::network {

BuiltInIds make_built_in_ids() {
  return {NetworkId(random_hex_id()), NetworkId(random_hex_id()), NetworkId(random_hex_id())};
}

nlohmann::json to_json(const BuiltInIds& ids) {
  return {{"bridge", ids.bridge.str()}, {"host", ids.host.str()}, {"none", ids.none.str()}};
}

BuiltInIds built_in_ids_from_json(const nlohmann::json& json) {
  try {
    return {NetworkId(json.at("bridge").get<std::string>()),
            NetworkId(json.at("host").get<std::string>()),
            NetworkId(json.at("none").get<std::string>())};
  } catch (const nlohmann::json::exception& error) {
    throw Error(ErrorKind::kInternal,
                fmt::format("invalid network ids on record: {}", error.what()));
  }
}

}  // namespace berth::network
