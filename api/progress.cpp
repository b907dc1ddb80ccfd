#include "api/progress.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<ProgressMessage>;

}  // namespace berth::api
