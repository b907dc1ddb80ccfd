#include "api/container.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<CreateRequest>;
template struct Codec<CreateResponse>;
template struct Codec<ContainerState>;
template struct Codec<ContainerInspect>;
template struct Codec<ContainerSummary>;
template struct Codec<WaitResponse>;

}  // namespace berth::api
