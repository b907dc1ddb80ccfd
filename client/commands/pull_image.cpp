#include "client/commands/pull_image.hpp"

#include "api/fields.hpp"
#include "api/progress.hpp"
#include "client/credentials/store.hpp"
#include "client/format/progress.hpp"
#include "client/stream/json_lines.hpp"

namespace berth::client {

std::string ImageName::text() const {
  if (tag.empty()) return repository;
  return repository + (has_digest ? "@" : ":") + tag;
}

ImageName split_image_name(const std::string& text) {
  ImageName name;
  if (const std::size_t at = text.find('@'); at != std::string::npos) {
    name.repository = text.substr(0, at);
    name.tag = text.substr(at + 1);
    name.has_digest = true;
    return name;
  }
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  const bool has_tag = colon != std::string::npos && (slash == std::string::npos || colon > slash);
  name.repository = has_tag ? text.substr(0, colon) : text;
  if (has_tag) name.tag = text.substr(colon + 1);
  return name;
}

std::string auth_of_image(const std::string& image) {
  std::string key;
  try {
    key = credentials_key_of_image(image);
  } catch (const Error&) {
    return registry_auth({});  // the daemon says what is wrong with the name
  }
  return registry_auth(CredentialStore().find(key));
}

void pull_image(Client& client, const ImageName& image, const std::string& platform, int output,
                bool quiet) {
  Request request;
  request.method = "POST";
  request.target =
      "/images/create" +
      query_string({{"fromImage", image.repository}, {"tag", image.tag}, {"platform", platform}});
  request.headers.emplace_back("X-Registry-Auth", auth_of_image(image.repository));
  Exchange exchange = client.open(std::move(request));
  ProgressDisplay display(output, quiet);
  JsonLines lines(exchange);
  while (const auto line = lines.next()) {
    display.show(api::from_text<api::ProgressMessage>(*line));
  }
}

}  // namespace berth::client
