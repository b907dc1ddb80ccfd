#include "api/event.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<Event>;
template struct Codec<EventActor>;

}  // namespace berth::api
