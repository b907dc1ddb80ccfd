#include "daemon/http/request_head.hpp"

#include <algorithm>

#include <boost/url/pct_string_view.hpp>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::http {

namespace {

[[noreturn]] void refuse_path(std::string_view encoded, const std::string& why) {
  throw Error(ErrorKind::kInvalidArgument, "invalid path \"" + std::string(encoded) + "\": " + why);
}

bool is_control(char letter) {
  const auto code = static_cast<unsigned char>(letter);
  return code < 0x20 || code == 0x7f;
}

std::string decode_path(std::string_view encoded) {
  const auto decoded = boost::urls::make_pct_string_view(encoded);
  if (!decoded) refuse_path(encoded, "it is not URL encoded");
  std::string path = decoded->decode();
  // Nothing that the API names has any; in log lines and terminals they do harm.
  if (std::any_of(path.begin(), path.end(), is_control)) {
    refuse_path(encoded, "it has control characters");
  }
  return path;
}

/// Proxies are asked with the absolute form, `http://host/path` (RFC 9112, 3.2.2).
std::string_view without_authority(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (!target.starts_with(kScheme)) return target;
  const std::size_t slash = target.find('/', kScheme.size());
  return slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
}

}  // namespace

Request make_request(const boost::beast::http::request_header<>& head) {
  const std::string_view target =
      without_authority(std::string_view(head.target().data(), head.target().size()));
  const std::size_t mark = target.find('?');
  const std::string path = decode_path(target.substr(0, mark));
  const auto [version, rest] = split_version(path);
  Request request;
  request.method = std::string(head.method_string());
  request.version = version;
  request.path = std::string(rest);
  if (mark != std::string_view::npos) request.query = Query(target.substr(mark + 1));
  request.headers.reserve(8);
  for (const auto& field : head) {
    request.headers.emplace_back(to_lower({field.name_string().data(), field.name_string().size()}),
                                 std::string(field.value().data(), field.value().size()));
  }
  return request;
}

}  // namespace berth::http
