// Names for containers that the user did not name.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace berth::container {

/// An adjective and a word of the sea, such as "brave_lighthouse"; a digit is added when `taken`
/// says that many in a row are in use. `taken` must become false for some name.
std::string random_name(const std::function<bool(std::string_view)>& taken);

}  // namespace berth::container
