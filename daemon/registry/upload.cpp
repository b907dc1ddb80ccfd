#include "daemon/registry/upload.hpp"

#include "common/text.hpp"

namespace berth::registry {

namespace {

constexpr std::size_t kMaxAnswer = std::size_t{64} << 10U;
constexpr std::string_view kBytes = "application/octet-stream";
/// So much since the last failure counts as progress, and the attempts are counted anew.
constexpr std::uint64_t kProgress = std::uint64_t{1} << 20U;

/// Where an upload goes on: every answer of the registry may move it.
struct UploadPlace {
  Url url;
  /// Bytes that the registry has.
  std::uint64_t offset = 0;
};

Request make_request(std::string_view method, Url url) {
  Request request;
  request.method = method;
  request.url = std::move(url);
  return request;
}

Url next_place(const Response& response, const Url& before) {
  const std::string location = response.header("Location");
  if (location.empty()) {
    throw Error(ErrorKind::kUnavailable,
                "registry \"" + before.authority() + "\" did not say where an upload goes on");
  }
  return resolve_url(before, location);
}

Url with_query(Url url, std::string_view name, std::string_view value) {
  url.target += url.target.find('?') == std::string::npos ? "?" : "&";
  url.target.append(name).append("=").append(encode_query(value));
  return url;
}

/// The bytes that "0-99" says are there.
std::uint64_t received_bytes(const std::string& range) {
  const std::size_t dash = range.find('-');
  if (dash == std::string::npos) return 0;
  const auto last = parse_number<std::uint64_t>(std::string_view(range).substr(dash + 1));
  // A registry that has nothing yet can only say "0-0", and some mean one byte by it.
  return last && *last > 0 ? *last + 1 : 0;
}

Task<Url> begin_upload(Session& session) {
  Request request = make_request("POST", session.url("blobs/uploads/"));
  const Url url = request.url;
  Response response = co_await session.send(std::move(request));
  co_await response.read_body(kMaxAnswer);
  co_return next_place(response, url);
}

Task<UploadPlace> ask_place(Session& session, Url url) {
  Response response = co_await session.send(make_request("GET", url));
  co_await response.read_body(kMaxAnswer);
  co_return UploadPlace{next_place(response, url), received_bytes(response.header("Range"))};
}

Task<Url> send_rest(Session& session, const UploadPlace& place, std::shared_ptr<OutgoingBlob> blob,
                    std::shared_ptr<std::atomic<std::uint64_t>> sent) {
  // The first request may go out before its length is known; a later one says which bytes it has.
  if (place.offset > 0) co_await blob->whole();
  Request request = make_request("PATCH", place.url);
  request.headers.emplace_back("Content-Type", kBytes);
  if (place.offset > 0) {
    const std::uint64_t size = blob->descriptor().size;
    if (place.offset > size) {
      throw Error(ErrorKind::kUnavailable,
                  "registry \"" + place.url.authority() + "\" has more of a blob than was sent");
    }
    if (place.offset == size) co_return place.url;
    request.headers.emplace_back("Content-Range",
                                 std::to_string(place.offset) + "-" + std::to_string(size - 1));
  }
  request.stream = std::make_shared<BlobBody>(std::move(blob), place.offset, std::move(sent));
  Response response = co_await session.send(std::move(request));
  co_await response.read_body(kMaxAnswer);
  co_return next_place(response, place.url);
}

Task<> commit_upload(Session& session, Url url, Digest digest) {
  Request request = make_request("PUT", with_query(std::move(url), "digest", digest.str()));
  request.headers.emplace_back("Content-Type", kBytes);
  Response response = co_await session.send(std::move(request));
  co_await response.read_body(kMaxAnswer);
}

Task<std::optional<std::uint64_t>> try_find(Session& session, const Digest& digest) {
  try {
    const Response response =
        co_await session.send(make_request("HEAD", session.url("blobs/" + digest.str())));
    co_return parse_number<std::uint64_t>(response.header("Content-Length")).value_or(0);
  } catch (const RegistryError& error) {
    if (error.status() != 404) throw;
  }
  co_return std::nullopt;
}

Task<bool> try_mount(Session& session, const Digest& digest, const std::string& from) {
  Url url = with_query(session.url("blobs/uploads/"), "mount", digest.str());
  Request request = make_request("POST", with_query(std::move(url), "from", from));
  const Url begun = request.url;
  Response response = co_await session.send(std::move(request));
  co_await response.read_body(kMaxAnswer);
  if (response.status() == 201) co_return true;
  // It began an upload instead. That is given up: where the blob is pushed from may take long.
  try {
    co_await session.send(make_request("DELETE", next_place(response, begun)));
  } catch (const RegistryError&) {
    // It forgets the upload by itself, some day.
  }
  co_return false;
}

Task<Digest> try_put_manifest(Session& session, const std::string& reference,
                              const std::string& media_type, const std::string& content) {
  Request request = make_request("PUT", session.url("manifests/" + reference));
  request.headers.emplace_back("Content-Type", media_type);
  request.body = content;
  Response response = co_await session.send(std::move(request));
  co_await response.read_body(kMaxAnswer);
  const Digest digest = sha256(content);
  const std::string told = response.header("Docker-Content-Digest");
  if (is_digest(told) && told != digest.str()) {
    throw Error(ErrorKind::kInternal,
                "the registry names the manifest " + told + ", but it is " + digest.str());
  }
  co_return digest;
}

}  // namespace

Task<std::optional<std::uint64_t>> find_blob(Session& session, Digest digest,
                                             const Options& options) {
  const auto attempt = [&] { return try_find(session, digest); };
  co_return co_await keep_trying<std::optional<std::uint64_t>>(
      options, Retry::Unreachable::kRetries, attempt);
}

Task<bool> mount_blob(Session& session, Digest digest, std::string from, const Options& options) {
  try {
    const auto attempt = [&] { return try_mount(session, digest, from); };
    co_return co_await keep_trying<bool>(options, Retry::Unreachable::kRetries, attempt);
  } catch (const RegistryError&) {
    // It is an offer, not a duty: without mounting, the blob is sent.
  }
  co_return false;
}

Task<> upload_blob(Session& session, std::shared_ptr<OutgoingBlob> blob,
                   std::shared_ptr<std::atomic<std::uint64_t>> sent, const Options& options) {
  std::optional<UploadPlace> place;
  bool broken = false;
  for (Retry retry(options, Retry::Unreachable::kRetries);;) {
    const std::uint64_t before = *sent;
    try {
      if (broken && place) place = co_await ask_place(session, place->url);
      if (!place) place = UploadPlace{co_await begin_upload(session), 0};
      *sent = place->offset;
      Url end = co_await send_rest(session, *place, blob, sent);
      co_await blob->whole();
      place->url = end;
      co_await commit_upload(session, std::move(end), blob->descriptor().digest);
      co_return;
    } catch (const RegistryError& error) {
      // An upload that the registry has forgotten begins anew.
      if (!broken || !place || error.status() != 404) throw;
      place.reset();
      broken = false;
      continue;
    } catch (const Error&) {
      if (*sent > before + kProgress) retry.progressed();
      retry.failed();
    }
    broken = true;
    co_await retry.wait();
  }
}

Task<> upload_document(Session& session, std::string content, const Options& options) {
  const Digest digest = sha256(content);
  if (co_await find_blob(session, digest, options)) co_return;
  const auto attempt = [&]() -> Task<bool> {
    Url place = co_await begin_upload(session);
    Request request = make_request("PUT", with_query(std::move(place), "digest", digest.str()));
    request.headers.emplace_back("Content-Type", kBytes);
    request.body = content;
    Response response = co_await session.send(std::move(request));
    co_await response.read_body(kMaxAnswer);
    co_return true;
  };
  co_await keep_trying<bool>(options, Retry::Unreachable::kRetries, attempt);
}

Task<Digest> put_manifest(Session& session, std::string reference, std::string media_type,
                          std::string content, const Options& options) {
  const auto attempt = [&] { return try_put_manifest(session, reference, media_type, content); };
  co_return co_await keep_trying<Digest>(options, Retry::Unreachable::kRetries, attempt);
}

}  // namespace berth::registry
