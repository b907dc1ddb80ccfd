// Small calls on the files of a control group, below a hierarchy's directory descriptor. Return
// values are errno numbers, 0 for success: the callers know which of them are no failure.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "daemon/runtime/cgroup_settings.hpp"

namespace berth::runtime {

/// One write(2) to an existing control file.
int write_control(int directory, const std::string& file, std::string_view value);

/// The whole text of a control file; empty when it cannot be read.
std::string read_control(int directory, const std::string& file);

/// The number behind `key` and a blank, in a file of such lines; 0 when there is none.
std::uint64_t read_keyed_number(int directory, const std::string& file, std::string_view key);

/// mkdir -p; `made_parent` is called with each folder above the last that was made or was there.
int make_group(int hierarchy, const std::string& relative,
               const std::function<void(const std::string&)>& visit_parent);

/// The process numbers in cgroup.procs of this group alone.
std::vector<pid_t> read_processes(int directory, const std::string& relative);

/// The names of the groups right below.
std::vector<std::string> child_groups(int directory, const std::string& relative);

/// Writes the settings below `relative`, in order; `directory_of` gives the hierarchy of a
/// controller or -1. Adds warnings, throws Error as Cgroup::create() says.
void apply_settings(const std::vector<CgroupSetting>& settings, const std::string& relative,
                    const std::function<int(std::string_view controller)>& directory_of,
                    std::vector<std::string>& warnings);

}  // namespace berth::runtime
