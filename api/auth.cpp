#include "api/auth.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<AuthConfig>;
template struct Codec<AuthResponse>;

}  // namespace berth::api
