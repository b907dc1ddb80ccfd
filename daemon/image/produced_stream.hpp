// What a function writes into a descriptor, read as it is written: the function runs on a thread of
// its own.
#pragma once

#include <functional>
#include <memory>

#include "daemon/image/byte_reader.hpp"

namespace berth::image {

/// Runs `produce` at once, with a descriptor to write to. The reader throws at the end what
/// `produce` threw; dropped before, it makes `produce` fail with EPIPE and waits for it.
std::unique_ptr<ByteReader> read_produced(std::function<void(int out)> produce);

}  // namespace berth::image
