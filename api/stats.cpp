#include "api/stats.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<ContainerStats>;
template struct Codec<TopResponse>;

}  // namespace berth::api
