#include "api/error.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<ErrorResponse>;
template struct Codec<IdResponse>;

}  // namespace berth::api
