#include "api/system.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<Version>;
template struct Codec<SystemInfo>;

}  // namespace berth::api
