// What to write into which control file for given resources. Pure: the one place that knows the
// files' names and the conversions between v1's and v2's scales.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

struct CgroupSetting {
  std::string_view controller;
  std::string file;
  std::string value;
  std::string_view wish;  // for messages: "memory limit"
  /// True: not being able to apply it is an error. False: a warning (weights, swap).
  bool is_limit = true;
  /// Tried when the kernel has no `file`.
  std::string alternative_file = {};
  std::string alternative_value = {};
};

/// `warnings` gets wishes that the version has no file for.
std::vector<CgroupSetting> v1_settings(const Resources& resources);
std::vector<CgroupSetting> v2_settings(const Resources& resources,
                                       std::vector<std::string>& warnings);

/// True when the rules allow everything in the end: then there is nothing to install.
bool allows_every_device(const std::vector<DeviceRule>& rules);

/// cpu.shares (2 to 262144) on cpu.weight's scale (1 to 10000), so that each scale's default meets
/// the other's: 1024 is 100.
std::uint64_t cpu_weight_of_shares(std::uint64_t shares);

/// blkio.weight (10 to 1000) on io.weight's scale (1 to 10000).
std::uint64_t io_weight_of_blkio(std::uint64_t weight);

}  // namespace berth::runtime
