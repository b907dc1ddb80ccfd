// Compression for tests.
#pragma once

#include <string>

namespace berth::test {

enum class Packing { kNone, kGzip, kZstd, kXz, kBzip2 };
std::string pack(const std::string& text, Packing packing);

}  // namespace berth::test
