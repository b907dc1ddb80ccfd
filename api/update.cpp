#include "api/update.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<UpdateRequest>;
template struct Codec<UpdateResponse>;

}  // namespace berth::api
