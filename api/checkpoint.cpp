#include "api/checkpoint.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<CheckpointRequest>;
template struct Codec<CheckpointSummary>;

}  // namespace berth::api
