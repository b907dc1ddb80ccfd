#include "api/networking.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<PortBinding>;
template struct Codec<Port>;
template struct Codec<EndpointSettings>;
template struct Codec<NetworkingConfig>;
template struct Codec<NetworkSettings>;

}  // namespace berth::api
