#include "client/options/refused.hpp"

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "common/error.hpp"

namespace berth::client {

namespace {

constexpr const char* kGroup = "Refused options";

Error refusal(const std::string& name, const std::string& reason) {
  return Error(ErrorKind::kNotImplemented, name + " cannot be used: " + reason);
}

}  // namespace

void refuse_flag(CLI::App& app, const std::string& name, const std::string& reason) {
  app.add_flag_callback(
         name, [name, reason] { throw refusal(name, reason); }, reason)
      ->group(kGroup);
}

void refuse_option(CLI::App& app, const std::string& name, const std::string& reason) {
  app.add_option_function<std::string>(
         name, [name, reason](const std::string& /*value*/) { throw refusal(name, reason); },
         reason)
      ->type_name("STRING")
      ->group(kGroup);
}

void add_content_trust_flag(CLI::App& app) {
  const std::string name = "--disable-content-trust";
  app.add_flag_function(
         name,
         [name](std::int64_t value) {
           if (value < 0) throw refusal(name + "=false", "signatures of images are not verified");
         },
         "Skip image verification (always so)")
      ->group("Options");
}

}  // namespace berth::client
