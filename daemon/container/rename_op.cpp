#include "daemon/container/rename_op.hpp"

#include "common/error.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/network_mode.hpp"
#include "daemon/container/validate.hpp"

namespace berth::container {

Task<> rename(Services& services, ContainerPtr container, std::string name) {
  if (name.starts_with('/')) name.erase(0, 1);
  if (name.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "Neither old nor new names may be empty");
  }
  validate_name(name);
  const auto lock = co_await container->operations.lock();
  if (container->removed->settled()) {
    throw Error(ErrorKind::kNotFound, "No such container: " + container->id().str());
  }
  if (container->name == name) {
    throw Error(ErrorKind::kInvalidArgument,
                "Renaming a container with the same name as its current name");
  }
  Index::NameReservation reservation = services.index.reserve(name, container->id());
  co_await services.store.save_name(container->id(), name);
  const std::string old_name = container->name;
  services.index.rename(*container, name);
  reservation.keep();
  for (network::Endpoint& endpoint : container->endpoints) {
    endpoint.container_name = name;
    endpoint.names = names_on(*container, endpoint.network);
    services.network.rename(endpoint.id, name, endpoint.names);
  }
  if (!container->endpoints.empty()) co_await services.store.save_state(*container);
  publish(services, *container, "rename", {{"oldName", "/" + old_name}});
}

}  // namespace berth::container
