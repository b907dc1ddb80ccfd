#include "api/mount.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<Mount>;
template struct Codec<MountPoint>;

}  // namespace berth::api
