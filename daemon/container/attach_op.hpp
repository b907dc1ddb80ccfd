// POST /containers/{id}/attach
#pragma once

#include "daemon/container/services.hpp"

namespace berth::container {

/// Refuses an attachment before the client's connection is taken over: Error{kConflict} for a
/// paused container.
void check_attachable(const Container& container);

/// Hands the client's stream to the container's shim, which serves it from now on; before the
/// container runs, the stream waits for the next start.
void attach(Services& services, Container& container, shim::AttachRequest request, Fd stream);

/// POST /containers/{id}/resize. Throws Error{kConflict} for a container that does not run.
void resize(Services& services, const Container& container, unsigned short rows,
            unsigned short columns);

/// "ctrl-p,ctrl-q" as the bytes that a terminal sends. Throws Error{kInvalidArgument}.
std::string parse_detach_keys(std::string_view text);

}  // namespace berth::container
