// What `stats` shows, worked out of two samples. Pure.
#pragma once

#include <optional>
#include <string>

#include "api/stats.hpp"
#include "client/format/table.hpp"

namespace berth::client {

/// Of one CPU, between the two samples: 200 means two CPUs kept busy.
double cpu_percent(const api::ContainerStats& before, const api::ContainerStats& now);

/// Without the files' pages that the kernel can drop at once.
std::uint64_t used_memory(const api::MemoryStats& memory);

struct Transfer {
  std::uint64_t in = 0;
  std::uint64_t out = 0;

  bool operator==(const Transfer&) const = default;
};
Transfer network_transfer(const api::ContainerStats& sample);  // received, sent
Transfer block_transfer(const api::ContainerStats& sample);    // read, written

/// The columns of `usage_row`.
TableFormat usage_format(std::string format);

/// `asked` is how the user called the container. Without `now` the container is gone: "--".
Row usage_row(const std::string& asked, const std::optional<api::ContainerStats>& before,
              const std::optional<api::ContainerStats>& now, bool full);

}  // namespace berth::client
