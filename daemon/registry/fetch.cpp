#include "daemon/registry/fetch.hpp"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include <fcntl.h>
#include <unistd.h>

#include "common/file.hpp"
#include "common/text.hpp"

namespace berth::registry {

namespace {

constexpr std::size_t kChunk = std::size_t{64} << 10U;
/// So much since the last failure counts as progress, and the attempts are counted anew.
constexpr std::uint64_t kProgress = std::uint64_t{1} << 20U;

[[noreturn]] void refuse_content(std::string_view what, const Digest& digest, const char* why) {
  throw Error(ErrorKind::kInternal,
              std::string(what) + " \"" + digest.str() + "\" from the registry " + why);
}

std::vector<std::pair<std::string, std::string>> manifest_headers() {
  std::vector<std::pair<std::string, std::string>> headers;
  for (const std::string_view type :
       {kOciIndex, kDockerManifestList, kOciManifest, kDockerManifest}) {
    headers.emplace_back("Accept", type);
  }
  return headers;
}

Task<FetchedManifest> try_manifest(Session& session, std::string reference) {
  Response response = co_await session.get("manifests/" + reference, manifest_headers());
  const std::string content_type = response.header("Content-Type");
  FetchedManifest manifest;
  manifest.body = co_await response.read_body(kMaxManifestSize);
  manifest.digest = sha256(manifest.body);
  if (is_digest(reference) && manifest.digest.str() != reference) {
    refuse_content("manifest", Digest(reference), "does not match its digest");
  }
  const std::string promised = response.header("Docker-Content-Digest");
  if (is_digest(promised) && manifest.digest.str() != promised) {
    refuse_content("manifest", Digest(promised), "does not match its digest");
  }
  manifest.media_type = manifest_type(manifest.body, content_type);
  co_return manifest;
}

Task<std::string> try_small_blob(Session& session, Descriptor descriptor) {
  Response response = co_await session.get("blobs/" + descriptor.digest.str(), {});
  std::string body = co_await response.read_body(static_cast<std::size_t>(descriptor.size));
  if (body.size() != descriptor.size || sha256(body) != descriptor.digest) {
    refuse_content("blob", descriptor.digest, "does not match its digest");
  }
  co_return body;
}

/// The first byte's position of "bytes 100-199/200".
std::optional<std::uint64_t> content_range_start(std::string_view header) {
  static constexpr std::string_view kUnit = "bytes ";
  if (!header.starts_with(kUnit)) return std::nullopt;
  header.remove_prefix(kUnit.size());
  return parse_number<std::uint64_t>(header.substr(0, header.find('-')));
}

/// One request for what is still missing of the blob.
Task<> continue_blob(Session& session, const Descriptor& descriptor, BlobFile& file) {
  std::vector<std::pair<std::string, std::string>> headers;
  const std::uint64_t start = file.size();
  if (start > 0) headers.emplace_back("Range", "bytes=" + std::to_string(start) + "-");
  Response response = co_await session.get("blobs/" + descriptor.digest.str(), std::move(headers));
  // A server without ranges sends all of it again: what is there already is passed over.
  std::uint64_t skip = start;
  if (response.status() == 206) {
    if (content_range_start(response.header("Content-Range")) != start) {
      refuse_content("blob", descriptor.digest, "came with a range that was not asked for");
    }
    skip = 0;
  }
  std::vector<std::byte> buffer(kChunk);
  for (;;) {
    const std::size_t count = co_await response.read_some(buffer);
    if (count == 0) break;
    const auto passed = static_cast<std::size_t>(std::min<std::uint64_t>(skip, count));
    skip -= passed;
    const auto data = std::span<const std::byte>(buffer).first(count).subspan(passed);
    if (data.size() > descriptor.size - file.size()) {
      refuse_content("blob", descriptor.digest, "is larger than its manifest says");
    }
    file.append(data);
  }
  if (file.size() < descriptor.size) {
    throw NetworkError(NetworkError::Stage::kTransfer,
                       "blob \"" + descriptor.digest.str() + "\" from \"" +
                           session.endpoint().base.authority() + "\" was cut after " +
                           std::to_string(file.size()) + " of " + std::to_string(descriptor.size) +
                           " bytes");
  }
}

/// O_TMPFILE, or where the file system lacks it a file that loses its name at once.
Fd open_unnamed(const std::filesystem::path& folder) {
  const int made = ::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (made >= 0) return Fd(made);
  if (errno != EOPNOTSUPP && errno != EISDIR) throw_errno("open O_TMPFILE", folder.native());
  std::string name = folder / "blob-XXXXXX";
  Fd file = own_fd(::mkostemp(name.data(), O_CLOEXEC), "mkostemp", name);
  check_errno(::unlink(name.c_str()), "unlink", name);
  return file;
}

}  // namespace

Task<FetchedManifest> fetch_manifest(Session& session, std::string reference,
                                     const Options& options) {
  const auto attempt = [&] { return try_manifest(session, reference); };
  co_return co_await keep_trying<FetchedManifest>(options, Retry::Unreachable::kFails, attempt);
}

Task<std::string> fetch_small_blob(Session& session, Descriptor descriptor,
                                   const Options& options) {
  const auto attempt = [&] { return try_small_blob(session, descriptor); };
  co_return co_await keep_trying<std::string>(options, Retry::Unreachable::kRetries, attempt);
}

Task<> fetch_blob(Session& session, Descriptor descriptor, BlobFile& file, const Options& options) {
  for (Retry retry(options, Retry::Unreachable::kRetries);;) {
    const std::uint64_t before = file.size();
    try {
      co_await continue_blob(session, descriptor, file);
      break;
    } catch (const Error&) {
      if (file.size() - before >= kProgress) retry.progressed();
      retry.failed();
    }
    co_await retry.wait();
  }
  if (file.finish() != descriptor.digest) {
    refuse_content("blob", descriptor.digest, "does not match its digest");
  }
}

BlobFile::BlobFile(const std::filesystem::path& folder) : file_(open_unnamed(folder)) {}

void BlobFile::append(std::span<const std::byte> data) {
  hash_.update(data);
  write_all(file_.get(), {reinterpret_cast<const char*>(data.data()), data.size()},
            "downloaded layer");
  size_.fetch_add(data.size(), std::memory_order_relaxed);
}

Fd BlobFile::open_again() const {
  return open_file("/proc/self/fd/" + std::to_string(file_.get()), O_RDONLY);
}

}  // namespace berth::registry
