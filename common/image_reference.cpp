#include "common/image_reference.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

constexpr std::string_view kDefaultRegistry = "docker.io";
constexpr std::string_view kOfficialFolder = "library/";
constexpr std::size_t kMaxNameLength = 255;
constexpr std::size_t kMaxTagLength = 128;
constexpr std::string_view kDefaultTag = "latest";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c);
}
bool is_upper(char c) {
  return c >= 'A' && c <= 'Z';
}
bool is_alphanumeric(char c) {
  return is_lower_or_digit(c) || is_upper(c);
}

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorKind::kInvalidArgument, "invalid reference format: " + why);
}

std::string quoted(std::string_view text) {
  // A hostile text must not fill the log.
  constexpr std::size_t kShown = 300;
  std::string shown(text.substr(0, kShown));
  if (text.size() > kShown) shown += "...";
  return '"' + shown + '"';
}

/// Behind a letter or digit of a path component: ".", "_", "__" or dashes, then a letter or digit.
std::size_t separator_length(std::string_view text) {
  if (text.starts_with("__")) return 2;
  if (text.starts_with('.') || text.starts_with('_')) return 1;
  return std::min(text.find_first_not_of('-'), text.size());
}

bool is_path_component(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    if (!is_lower_or_digit(text[at])) return false;
    while (at < text.size() && is_lower_or_digit(text[at]))
      ++at;
    if (at == text.size()) return true;
    at += separator_length(text.substr(at));
  }
  return false;
}

bool is_host_label(std::string_view text) {
  if (text.empty() || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_alphanumeric(c) || c == '-'; });
}

bool is_bracketed_address(std::string_view text) {
  if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
  const std::string_view inner = text.substr(1, text.size() - 2);
  return std::all_of(inner.begin(), inner.end(), [](char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
  });
}

bool is_registry(std::string_view text) {
  std::string_view host = text;
  if (const auto colon = text.rfind(':');
      colon != std::string_view::npos && (text.back() != ']' || text.front() != '[')) {
    const std::string_view port = text.substr(colon + 1);
    if (port.empty() || !std::all_of(port.begin(), port.end(), is_digit)) return false;
    host = text.substr(0, colon);
  }
  if (host.starts_with('[')) return is_bracketed_address(host);
  const auto labels = split(host, '.');
  return std::all_of(labels.begin(), labels.end(), is_host_label);
}

bool is_tag(std::string_view text) {
  const auto word = [](char c) { return is_alphanumeric(c) || c == '_'; };
  if (text.empty() || text.size() > kMaxTagLength || !word(text.front())) return false;
  return std::all_of(text.begin(), text.end(),
                     [&](char c) { return word(c) || c == '.' || c == '-'; });
}

void check_tag(std::string_view tag) {
  if (is_tag(tag)) return;
  refuse("the tag " + quoted(tag) +
         " must be 1 to 128 of [a-zA-Z0-9_.-] and begin with a letter, a digit or _");
}

void check_repository(std::string_view repository, std::string_view given) {
  if (std::any_of(repository.begin(), repository.end(), is_upper)) {
    refuse("repository name " + quoted(repository) + " must be lowercase");
  }
  if (repository.size() > kMaxNameLength) {
    refuse("the repository name has " + std::to_string(repository.size()) +
           " characters; it must not be more than 255 characters");
  }
  const auto components = split(repository, '/');
  if (!std::all_of(components.begin(), components.end(), is_path_component)) {
    refuse(quoted(given) +
           " must be [registry/]name[/name...][:tag][@digest] with names of a-z, 0-9 and single "
           "separators . _ __ - inside");
  }
}

/// Whether what stands in front of the first '/' is a registry: it has a dot or a port, is
/// "localhost", or cannot be a repository because of upper case.
bool looks_like_registry(std::string_view text) {
  return text.find_first_of(".:") != std::string_view::npos || text == "localhost" ||
         std::any_of(text.begin(), text.end(), is_upper);
}

}  // namespace

ImageReference ImageReference::parse(std::string_view text) {
  if (text.empty()) refuse("the name is empty");
  if (is_full_id(text)) {
    refuse("the name " + quoted(text) + " cannot be 64 hexadecimal digits: those are an id");
  }
  ImageReference reference;
  std::string_view rest = text;
  if (const auto at = rest.find('@'); at != std::string_view::npos) {
    const std::string_view digest = rest.substr(at + 1);
    if (!is_digest(digest)) {
      refuse("the digest " + quoted(digest) +
             " must be sha256: and 64 lower-case hexadecimal digits");
    }
    reference.digest_ = Digest(std::string(digest));
    rest = rest.substr(0, at);
  }
  const auto slash = rest.find('/');
  if (slash != std::string_view::npos && looks_like_registry(rest.substr(0, slash))) {
    reference.registry_ = rest.substr(0, slash);
    if (!is_registry(reference.registry_)) {
      refuse("the registry " + quoted(reference.registry_) + " must be host or host:port");
    }
    rest = rest.substr(slash + 1);
  }
  if (const auto colon = rest.rfind(':');
      colon != std::string_view::npos && rest.find('/', colon) == std::string_view::npos) {
    check_tag(rest.substr(colon + 1));
    reference.tag_ = rest.substr(colon + 1);
    rest = rest.substr(0, colon);
  }
  if (reference.registry_.empty() || reference.registry_ == "index.docker.io") {
    reference.registry_ = kDefaultRegistry;
  }
  const bool official =
      reference.registry_ == kDefaultRegistry && rest.find('/') == std::string_view::npos;
  reference.repository_ = std::string(official ? kOfficialFolder : "") + std::string(rest);
  check_repository(reference.repository_, text);
  return reference;
}

ImageReference ImageReference::with_default_tag() const {
  return is_name_only() ? with_tag(kDefaultTag) : *this;
}

ImageReference ImageReference::with_tag(std::string_view tag) const {
  check_tag(tag);
  ImageReference changed = name_only();
  changed.tag_ = tag;
  return changed;
}

ImageReference ImageReference::with_digest(const Digest& digest) const {
  ImageReference changed = name_only();
  changed.digest_ = digest;
  return changed;
}

ImageReference ImageReference::name_only() const {
  ImageReference changed = *this;
  changed.tag_.clear();
  changed.digest_ = Digest();
  return changed;
}

std::string ImageReference::suffix() const {
  std::string text;
  if (!tag_.empty()) text += ':' + tag_;
  if (!digest_.empty()) text += '@' + digest_.str();
  return text;
}

std::string ImageReference::name() const {
  return registry_ + '/' + repository_;
}

std::string ImageReference::str() const {
  return name() + suffix();
}

std::string ImageReference::familiar_name() const {
  if (registry_ != kDefaultRegistry) return name();
  const std::string_view rest = repository_.starts_with(kOfficialFolder)
                                    ? std::string_view(repository_).substr(kOfficialFolder.size())
                                    : std::string_view(repository_);
  const bool official =
      rest.size() < repository_.size() && rest.find('/') == std::string_view::npos;
  return official ? std::string(rest) : repository_;
}

std::string ImageReference::familiar() const {
  return familiar_name() + suffix();
}

std::string registry_of_address(std::string_view address) {
  for (const std::string_view scheme : {"https://", "http://"}) {
    if (address.starts_with(scheme)) address.remove_prefix(scheme.size());
  }
  const std::string_view host = address.substr(0, address.find('/'));
  if (host.empty() || host == "index.docker.io" || host == "registry-1.docker.io") {
    return std::string(kDefaultRegistry);
  }
  return std::string(host);
}

}  // namespace berth
