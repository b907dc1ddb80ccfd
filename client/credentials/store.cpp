#include "client/credentials/store.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <unistd.h>

#include "api/fields.hpp"
#include "common/base64.hpp"
#include "common/error.hpp"
#include "common/file.hpp"
#include "common/image_reference.hpp"
#include "common/process.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

using nlohmann::ordered_json;

constexpr std::string_view kHub = "docker.io";
/// The name that Docker Hub has in the file of every tool.
constexpr std::string_view kHubKey = "https://index.docker.io/v1/";
/// The user name by which a helper says that the secret is an identity token.
constexpr std::string_view kTokenUser = "<token>";

std::filesystem::path default_folder() {
  // NOLINTBEGIN(concurrency-mt-unsafe): one thread
  if (const char* folder = std::getenv("DOCKER_CONFIG"); folder != nullptr && *folder != '\0') {
    return folder;
  }
  const char* home = std::getenv("HOME");
  // NOLINTEND(concurrency-mt-unsafe)
  return std::filesystem::path(home == nullptr ? "/" : home) / ".docker";
}

std::string text_of(const ordered_json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const ordered_json* object_of(const ordered_json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_object() ? &*found : nullptr;
}

/// Runs `docker-credential-<helper> <verb>`; nothing when it says that it has no such entry.
std::optional<std::string> ask_helper(const std::string& helper, const std::string& verb,
                                      const std::string& input) {
  ProcessOptions options;
  const std::string program = "docker-credential-" + helper;
  options.argv = {program, verb};
  for (char** variable = environ; *variable != nullptr; ++variable)
    options.environment.emplace_back(*variable);
  options.stdin_data = input;
  const ProcessResult result = run_process(options);
  std::string said(trim(result.standard_output));
  if (result.exit_code == 0) return said;
  if (said.find("credentials not found") != std::string::npos) return std::nullopt;
  throw Error(ErrorKind::kInternal,
              "credential helper \"" + program + "\" failed to " + verb + ": " +
                  (said.empty() ? std::string(trim(result.standard_error)) : said));
}

api::AuthConfig from_helper(const std::string& helper, const std::string& key) {
  api::AuthConfig credentials;
  const auto answer = ask_helper(helper, "get", key);
  if (!answer) return credentials;
  const auto json = ordered_json::parse(*answer, nullptr, false);
  if (!json.is_object()) {
    throw Error(ErrorKind::kInternal, "credential helper \"docker-credential-" + helper +
                                          "\" did not answer with a JSON object");
  }
  const std::string user = text_of(json, "Username");
  if (user == kTokenUser) {
    credentials.identity_token = text_of(json, "Secret");
  } else {
    credentials.username = user;
    credentials.password = text_of(json, "Secret");
  }
  credentials.server_address = key;
  return credentials;
}

api::AuthConfig from_entry(const ordered_json& entry, const std::string& key) {
  api::AuthConfig credentials;
  credentials.identity_token = text_of(entry, "identitytoken");
  credentials.registry_token = text_of(entry, "registrytoken");
  const auto pair = decode_base64(text_of(entry, "auth"));
  const std::size_t colon = pair ? pair->find(':') : std::string::npos;
  if (colon != std::string::npos) {
    credentials.username = pair->substr(0, colon);
    credentials.password = pair->substr(colon + 1);
  }
  credentials.server_address = key;
  return credentials;
}

}  // namespace

std::string credentials_key(std::string_view address) {
  const std::string registry = registry_of_address(address);
  return registry == kHub ? std::string(kHubKey) : registry;
}

std::string credentials_key_of_image(std::string_view image) {
  return credentials_key(ImageReference::parse(image).registry());
}

std::string registry_auth(const api::AuthConfig& credentials) {
  std::string text = encode_base64(api::to_text(credentials));
  std::replace(text.begin(), text.end(), '+', '-');
  std::replace(text.begin(), text.end(), '/', '_');
  return text;
}

CredentialStore::CredentialStore() : CredentialStore(default_folder()) {}

CredentialStore::CredentialStore(std::filesystem::path folder) : folder_(std::move(folder)) {
  config_ = ordered_json::object();
  if (::access(file().c_str(), F_OK) != 0) return;
  config_ = ordered_json::parse(read_file(file()), nullptr, false);
  if (!config_.is_object()) {
    throw Error(ErrorKind::kInvalidArgument,
                file().native() + " is no JSON object: mend it, or move it away");
  }
}

std::string CredentialStore::helper_of(const std::string& key) const {
  std::string helper = text_of(config_, "credsStore");
  if (const ordered_json* helpers = object_of(config_, "credHelpers")) {
    if (std::string own = text_of(*helpers, key.c_str()); !own.empty()) helper = std::move(own);
  }
  if (helper.find('/') != std::string::npos) {
    throw Error(ErrorKind::kInvalidArgument,
                file().native() + ": the credential helper \"" + helper + "\" is no plain name");
  }
  return helper;
}

api::AuthConfig CredentialStore::find(const std::string& key) const {
  if (const std::string helper = helper_of(key); !helper.empty()) return from_helper(helper, key);
  const ordered_json* entries = object_of(config_, "auths");
  if (entries == nullptr) return {};
  for (const auto& [name, entry] : entries->items()) {
    // Older tools wrote whole addresses.
    if (entry.is_object() && (name == key || credentials_key(name) == key)) {
      return from_entry(entry, key);
    }
  }
  return {};
}

bool CredentialStore::save(const std::string& key, const api::AuthConfig& credentials) {
  const std::string helper = helper_of(key);
  const bool token = !credentials.identity_token.empty();
  ordered_json entry = ordered_json::object();
  if (!helper.empty()) {
    const ordered_json document{
        {"ServerURL", key},
        {"Username", token ? std::string(kTokenUser) : credentials.username},
        {"Secret", token ? credentials.identity_token : credentials.password}};
    ask_helper(helper, "store", document.dump());
  } else {
    entry["auth"] = encode_base64(credentials.username + ":" + (token ? "" : credentials.password));
    if (token) entry["identitytoken"] = credentials.identity_token;
  }
  config_["auths"][key] = std::move(entry);  // an empty one says that a helper has it
  write();
  return helper.empty();
}

bool CredentialStore::erase(const std::string& key) {
  bool known = false;
  if (const std::string helper = helper_of(key); !helper.empty()) {
    known = ask_helper(helper, "erase", key).has_value();
  }
  if (object_of(config_, "auths") != nullptr) {
    ordered_json& entries = config_["auths"];
    for (auto entry = entries.begin(); entry != entries.end();) {
      if (entry.key() == key || credentials_key(entry.key()) == key) {
        entry = entries.erase(entry);
        known = true;
      } else {
        ++entry;
      }
    }
  }
  if (known) write();
  return known;
}

void CredentialStore::write() const {
  constexpr mode_t kOwnersAlone = 0600;
  std::filesystem::create_directories(folder_);
  write_file_atomic(file(), config_.dump(1, '\t') + "\n", kOwnersAlone);
}

}  // namespace berth::client
