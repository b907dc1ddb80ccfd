#include "api/exec.hpp"

#include "api/codec.hpp"

namespace berth::api {

template struct Codec<ExecCreateRequest>;
template struct Codec<ExecStartRequest>;
template struct Codec<ProcessConfig>;
template struct Codec<ExecInspect>;

}  // namespace berth::api
