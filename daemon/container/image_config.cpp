#include "daemon/container/image_config.hpp"

#include <algorithm>

#include "daemon/container/health.hpp"

namespace berth::container {

namespace {

std::string_view variable_name(const std::string& entry) {
  return std::string_view(entry).substr(0, entry.find('='));
}

/// The image's variables that the request does not name, then the request's.
api::StringList join_environment(const api::StringList& image, const api::StringList& request) {
  api::StringList joined;
  for (const std::string& entry : image) {
    const bool overridden = std::any_of(
        request.begin(), request.end(),
        [&](const std::string& other) { return variable_name(other) == variable_name(entry); });
    if (!overridden) joined.push_back(entry);
  }
  joined.insert(joined.end(), request.begin(), request.end());
  return joined;
}

}  // namespace

void complete_from_image(api::ContainerConfig& config, const api::ImageConfig& image) {
  if (config.user.empty()) config.user = image.user;
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (config.shell.empty()) config.shell = image.shell;
  config.healthcheck = join_health(config.healthcheck, image.healthcheck);
  if (!config.entrypoint || config.entrypoint->empty()) {
    if (config.cmd.empty() && !config.entrypoint) config.cmd = image.cmd;
    if (!config.entrypoint && !image.entrypoint.empty()) config.entrypoint = image.entrypoint;
  } else if (config.entrypoint->size() == 1 && config.entrypoint->front().empty()) {
    // [""] takes the image's entrypoint away (docker run --entrypoint "").
    config.entrypoint.reset();
  }
  config.env = join_environment(image.env, config.env);
  config.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
  config.volumes.insert(image.volumes.begin(), image.volumes.end());
  config.labels.insert(image.labels.begin(), image.labels.end());
}

}  // namespace berth::container
