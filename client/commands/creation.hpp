// Making a container from flags, for run and create.
#pragma once

#include <string>

#include "client/commands/command_line.hpp"
#include "client/http/client.hpp"
#include "client/options/container_flags.hpp"

namespace berth::client {

/// Adds the container flags and parses; IMAGE and what is behind it go to `flags`.
void parse_container_flags(CommandLine& line, const Arguments& arguments, ContainerFlags& flags);

/// Pulls the image when it is missing (as --pull says), creates the container, shows the daemon's
/// warnings, writes the --cidfile. Gives back the container's id. Throws Error.
std::string create_container(Client& client, const ContainerFlags& flags,
                             const api::CreateRequest& request);

/// Prints an error of run or create as people and scripts know it, and gives back the exit code:
/// 127 when the container's program is missing, 126 when it cannot be run, else 125.
int report_failure(const std::string& command, const Error& error);

}  // namespace berth::client
