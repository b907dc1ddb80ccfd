// Flags of the stock client that cannot work here: they are known, and say why.
#pragma once

#include <string>

#include <CLI/App.hpp>

namespace berth::client {

/// Giving the flag is Error{kNotImplemented} with the reason; the help shows it, too.
void refuse_flag(CLI::App& app, const std::string& name, const std::string& reason);
/// The same for a flag that has a value.
void refuse_option(CLI::App& app, const std::string& name, const std::string& reason);

/// --disable-content-trust: true, its default, is how it is; false is refused.
void add_content_trust_flag(CLI::App& app);

}  // namespace berth::client
