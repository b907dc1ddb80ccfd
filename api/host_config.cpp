#include "api/host_config.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<Resources>;
template struct Codec<HostConfig>;

}  // namespace berth::api
