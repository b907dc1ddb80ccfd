#include "api/container_config.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<HealthConfig>;
template struct Codec<ContainerConfig>;

}  // namespace berth::api
