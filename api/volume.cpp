#include "api/volume.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<Volume>;
template struct Codec<VolumeCreate>;
template struct Codec<VolumeList>;
template struct Codec<VolumesPruned>;

}  // namespace berth::api
