#include "daemon/storage/mount.hpp"

#include <nlohmann/json.hpp>

namespace berth::storage {

namespace {

nlohmann::json describe(const OverlayMount& mount) {
  nlohmann::json lower = nlohmann::json::array();
  for (const auto& path : mount.lower)
    lower.push_back(path.native());
  return {{"type", "overlay"},
          {"lower", std::move(lower)},
          {"upper", mount.upper.native()},
          {"work", mount.work.native()}};
}

nlohmann::json describe(const BindMount& mount) {
  return {{"type", "bind"}, {"path", mount.path.native()}};
}

}  // namespace

nlohmann::json to_json(const RootfsMount& mount) {
  return std::visit([](const auto& one) { return describe(one); }, mount);
}

}  // namespace berth::storage
