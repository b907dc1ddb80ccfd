#include "api/disk_usage.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<DiskUsage>;
template struct Codec<ContainersPruned>;
template struct Codec<ImagesPruned>;

}  // namespace berth::api
