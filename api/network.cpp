#include "api/network.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<Network>;
template struct Codec<NetworkCreateRequest>;
template struct Codec<NetworkCreateResponse>;
template struct Codec<NetworkConnectRequest>;
template struct Codec<NetworkDisconnectRequest>;
template struct Codec<NetworksPruned>;

}  // namespace berth::api
