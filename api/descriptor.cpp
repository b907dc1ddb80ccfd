#include "api/descriptor.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<OciPlatform>;
template struct Codec<OciDescriptor>;
template struct Codec<DriverData>;

}  // namespace berth::api
