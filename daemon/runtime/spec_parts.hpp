// The parts into which the parsing of spec.hpp is cut.
#pragma once

#include "daemon/runtime/json_field.hpp"
#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

Resources read_resources(const JsonField& field);
Process read_process(const JsonField& field);
/// The "linux" object into `spec`.
void read_linux(const JsonField& field, Spec& spec);
Spec read_spec(const JsonField& field);

/// Throws Error{kInvalidArgument} unless each sysctl belongs to a namespace that is the container's
/// own: any other would change the host.
void check_sysctls(const Spec& spec);

/// An absolute path; throws Error{kInvalidArgument} otherwise.
std::string absolute_path(const JsonField& field);

}  // namespace berth::runtime
