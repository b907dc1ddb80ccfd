#include "api/image.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<ImageConfig>;
template struct Codec<ImageSummary>;
template struct Codec<ImageInspect>;
template struct Codec<HistoryItem>;
template struct Codec<DeleteItem>;

}  // namespace berth::api
