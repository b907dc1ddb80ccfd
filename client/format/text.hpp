// Small pieces of what the commands print.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/networking.hpp"

namespace berth::client {

/// Characters (code points) of UTF-8 text.
std::size_t character_count(std::string_view text);

/// At most `length` characters; a longer text loses its end for "…".
std::string shorten(std::string_view text, std::size_t length);

/// In double quotes, with control characters, quotes and backslashes escaped.
std::string quote(std::string_view text);

/// The first 12 characters of an id, without "sha256:".
std::string short_id(std::string_view id);

/// "5 minutes ago" of a time in seconds since 1970.
std::string ago(std::int64_t seconds);

/// Local time as "2024-05-06 07:08:09 +0200 CEST".
std::string local_time(std::int64_t seconds);

/// "0.0.0.0:8080->80/tcp, 443/tcp"; neighbours that differ by one are joined: "80-82/tcp".
std::string format_ports(std::vector<api::Port> ports);

/// Without escape sequences and other control characters but line ends and tabs: for text of
/// images and containers that goes to a terminal.
std::string printable(std::string_view text);

}  // namespace berth::client
