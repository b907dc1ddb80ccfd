#include "api/registry.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<DistributionInspect>;
template struct Codec<SearchResult>;
template struct Codec<SearchAnswer>;

}  // namespace berth::api
