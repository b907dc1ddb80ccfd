#include "daemon/image/config.hpp"

#include <utility>

#include "api/codec.hpp"
#include "common/crypto/sha256.hpp"
#include "common/error.hpp"

namespace berth::image {

namespace {

/// As it is written, with the API's reader for the checks.
struct RootFs {
  std::string type;
  std::vector<std::string> diff_ids;

  static constexpr auto fields() {
    return std::tuple{api::field("type", &RootFs::type), api::field("diff_ids", &RootFs::diff_ids)};
  }
};

struct History {
  std::string created;
  std::string created_by;
  std::string comment;
  bool empty_layer = false;

  static constexpr auto fields() {
    return std::tuple{
        api::field("created", &History::created), api::field("created_by", &History::created_by),
        api::field("comment", &History::comment), api::field("empty_layer", &History::empty_layer)};
  }
};

struct Document {
  std::string architecture;
  std::string variant;
  std::string os;
  std::string os_version;
  std::string created;
  std::string author;
  std::string comment;
  std::string docker_version;
  api::ImageConfig config;
  RootFs rootfs;
  std::vector<History> history;

  static constexpr auto fields() {
    using D = Document;
    return std::tuple{api::field("architecture", &D::architecture),
                      api::field("variant", &D::variant),
                      api::field("os", &D::os),
                      api::field("os.version", &D::os_version),
                      api::field("created", &D::created),
                      api::field("author", &D::author),
                      api::field("comment", &D::comment),
                      api::field("docker_version", &D::docker_version),
                      api::field("config", &D::config),
                      api::field("rootfs", &D::rootfs),
                      api::field("history", &D::history)};
  }
};

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kInvalidArgument, "invalid image configuration: " + why);
}

Document read(std::string_view text) {
  if (text.size() > kMaxConfigSize) refuse("it is larger than 8 MiB");
  try {
    return api::Codec<Document>::from_text(text, nullptr);
  } catch (const Error& error) {
    refuse(error.what());
  }
}

}  // namespace

ConfigDocument parse_config(std::string_view text) {
  Document document = read(text);
  if (document.os.empty() || document.architecture.empty()) {
    refuse("\"os\" and \"architecture\" must be given");
  }
  if (!document.rootfs.type.empty() && document.rootfs.type != "layers") {
    refuse("rootfs.type is \"" + document.rootfs.type + "\", only \"layers\" is known");
  }
  ConfigDocument parsed;
  ChainId chain;
  for (std::string& diff_id : document.rootfs.diff_ids) {
    if (!is_digest(diff_id))
      refuse("rootfs.diff_ids holds \"" + diff_id.substr(0, 100) + "\", which is no sha256 digest");
    parsed.diff_ids.emplace_back(std::move(diff_id));
    chain = chain_id(chain, parsed.diff_ids.back());
    parsed.chains.push_back(chain);
  }
  if (!document.created.empty()) {
    try {
      parsed.created_at = parse_rfc3339(document.created);
    } catch (const Error&) {
      refuse("created is \"" + document.created.substr(0, 100) + "\", which is no RFC 3339 time");
    }
  }
  parsed.config = std::move(document.config);
  parsed.created = std::move(document.created);
  parsed.architecture = std::move(document.architecture);
  parsed.variant = std::move(document.variant);
  parsed.os = std::move(document.os);
  parsed.os_version = std::move(document.os_version);
  parsed.author = std::move(document.author);
  parsed.comment = std::move(document.comment);
  parsed.docker_version = std::move(document.docker_version);
  return parsed;
}

std::vector<HistoryEntry> parse_history(std::string_view text) {
  std::vector<HistoryEntry> entries;
  for (History& item : read(text).history) {
    entries.push_back({std::move(item.created), std::move(item.created_by), std::move(item.comment),
                       item.empty_layer});
  }
  return entries;
}

}  // namespace berth::image
