#include "client/options/mounts.hpp"

#include "client/options/value.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

/// true for a key alone, else what its value says.
bool flag_of(const KeyValue& pair) {
  return !pair.has_value || parse_bool("value of " + pair.key, pair.value);
}

template <typename T>
T& present(std::optional<T>& value) {
  return value ? *value : value.emplace();
}

bool apply_bind(const KeyValue& pair, api::Mount& mount) {
  auto& options = mount.bind_options;
  if (pair.key == "bind-propagation") {
    present(options).propagation = to_lower(pair.value);
  } else if (pair.key == "bind-nonrecursive") {
    present(options).non_recursive = flag_of(pair);
  } else if (pair.key == "bind-create-src" || pair.key == "bind-create-mountpoint") {
    present(options).create_mountpoint = flag_of(pair);
  } else if (pair.key == "bind-recursive") {
    if (pair.value == "disabled") {
      present(options).non_recursive = true;
    } else if (pair.value == "writable") {
      present(options).read_only_non_recursive = true;
    } else if (pair.value == "readonly") {
      present(options).read_only_force_recursive = true;
    } else if (pair.value != "enabled") {
      throw invalid_value("bind-recursive", pair.value, "enabled, disabled, writable or readonly");
    }
  } else {
    return false;
  }
  return true;
}

bool apply_volume(const KeyValue& pair, api::Mount& mount) {
  auto& options = mount.volume_options;
  if (pair.key == "volume-nocopy") {
    present(options).no_copy = flag_of(pair);
  } else if (pair.key == "volume-label") {
    present(options).labels.merge(parse_pairs({pair.value}, "volume-label"));
  } else if (pair.key == "volume-subpath") {
    present(options).subpath = pair.value;
  } else if (pair.key == "volume-driver") {
    present(present(options).driver_config).name = pair.value;
  } else if (pair.key == "volume-opt") {
    present(present(options).driver_config).options.merge(parse_pairs({pair.value}, "volume-opt"));
  } else {
    return false;
  }
  return true;
}

bool apply_other(const KeyValue& pair, api::Mount& mount) {
  constexpr int kOctal = 8;
  if (pair.key == "image-subpath") {
    present(mount.image_options).subpath = pair.value;
  } else if (pair.key == "tmpfs-size") {
    present(mount.tmpfs_options).size_bytes = parse_memory_size(pair.value);
  } else if (pair.key == "tmpfs-mode") {
    if (pair.value.empty() || pair.value.size() > 5 ||
        pair.value.find_first_not_of("01234567") != std::string::npos) {
      throw invalid_value("tmpfs-mode", pair.value, "an octal mode such as 1777");
    }
    present(mount.tmpfs_options).mode =
        static_cast<std::uint32_t>(std::stoul(pair.value, nullptr, kOctal));
  } else {
    return false;
  }
  return true;
}

bool apply_common(const KeyValue& pair, api::Mount& mount) {
  if (pair.key == "type") {
    mount.type = to_lower(pair.value);
  } else if (pair.key == "source" || pair.key == "src") {
    mount.source = absolute_if_dotted(pair.value);
  } else if (pair.key == "target" || pair.key == "dst" || pair.key == "destination") {
    mount.target = pair.value;
  } else if (pair.key == "readonly" || pair.key == "ro") {
    mount.read_only = flag_of(pair);
  } else if (pair.key == "consistency") {
    mount.consistency = to_lower(pair.value);
  } else {
    return false;
  }
  return true;
}

void check_options_fit(const api::Mount& mount, std::string_view text) {
  const auto check = [&](bool has_options, std::string_view type) {
    if (has_options && mount.type != type) {
      throw invalid_value("mount", text,
                          "options of type " + mount.type + ", not of " + std::string(type));
    }
  };
  check(mount.bind_options.has_value(), "bind");
  check(mount.volume_options.has_value(), "volume");
  check(mount.image_options.has_value(), "image");
  check(mount.tmpfs_options.has_value(), "tmpfs");
}

}  // namespace

api::Mount parse_mount(std::string_view text) {
  api::Mount mount;
  mount.type = "volume";
  for (const std::string& field : parse_csv(text)) {
    const KeyValue pair = parse_key_value(field);
    if (!apply_common(pair, mount) && !apply_bind(pair, mount) && !apply_volume(pair, mount) &&
        !apply_other(pair, mount)) {
      throw invalid_value("mount", text,
                          "keys such as type, source, target and readonly, not \"" + field + "\"");
    }
  }
  if (mount.target.empty()) throw invalid_value("mount", text, "a target");
  check_options_fit(mount, text);
  return mount;
}

VolumeFlags parse_volumes(const std::vector<std::string>& values) {
  VolumeFlags result;
  for (const std::string& text : values) {
    const std::size_t colon = text.find(':');
    if (text.empty() || colon == 0) {
      throw invalid_value("volume", text, "[source:]target[:options]");
    }
    if (colon == std::string::npos) {
      result.anonymous.insert(text);
    } else {
      result.binds.push_back(absolute_if_dotted(std::string_view(text).substr(0, colon)) +
                             text.substr(colon));
    }
  }
  return result;
}

api::StringMap parse_tmpfs(const std::vector<std::string>& values) {
  api::StringMap result;
  for (const std::string& text : values) {
    const std::size_t colon = text.find(':');
    if (!text.starts_with('/')) {
      throw invalid_value("tmpfs", text, "an absolute path, with options behind a colon");
    }
    result[text.substr(0, colon)] = colon == std::string::npos ? "" : text.substr(colon + 1);
  }
  return result;
}

}  // namespace berth::client
