#include "daemon/container/container.hpp"

namespace berth::container {

Container::Container(const asio::any_io_executor& executor, Definition what,
                     std::string container_name)
    : definition(std::move(what)),
      name(std::move(container_name)),
      operations(executor),
      next_exit(std::make_shared<Outcome>(executor)),
      removed(std::make_shared<Outcome>(executor)) {}

}  // namespace berth::container
