// A shim lives as long as its container, mostly waiting: what it does not need meanwhile goes back
// to the kernel.
#pragma once

namespace berth::shim {

/// Sets the allocator up to keep little. To be called first.
void keep_memory_small() noexcept;

/// Gives free memory back, and lets go of the program's own pages, which come back from the page
/// cache one by one as they are needed.
void give_memory_back() noexcept;

}  // namespace berth::shim
