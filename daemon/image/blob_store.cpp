#include "daemon/image/blob_store.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"

namespace berth::image {

namespace fs = std::filesystem;

BlobStore::BlobStore(const fs::path& data_root)
    : folder_(data_root / "blobs" / "sha256"), incoming_(data_root / "blobs" / "incoming") {
  std::error_code error;
  for (const fs::path& folder : {folder_, incoming_}) {
    fs::create_directories(folder, error);
    if (error) throw_errno("mkdir", folder.native(), error.value());
  }
  for (const auto& leftover : fs::directory_iterator(incoming_))
    fs::remove_all(leftover.path(), error);
}

fs::path BlobStore::path_of(const Digest& digest) const {
  return folder_ / digest_hex(digest.str());
}

BlobStore::Writer BlobStore::begin() const {
  return {*this, incoming_ / random_hex(16)};
}

BlobStore::Writer::Writer(const BlobStore& store, fs::path path)
    : store_(&store),
      path_(std::move(path)),
      file_(open_file(path_, O_WRONLY | O_CREAT | O_EXCL, 0600)) {}

BlobStore::Writer::Writer(Writer&& other) noexcept
    : store_(other.store_),
      path_(std::exchange(other.path_, {})),
      file_(std::move(other.file_)),
      hash_(std::move(other.hash_)),
      size_(other.size_) {}

BlobStore::Writer::~Writer() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

void BlobStore::Writer::append(std::span<const std::byte> data) {
  hash_.update(data);
  size_ += data.size();
  write_all(file_.get(), {reinterpret_cast<const char*>(data.data()), data.size()}, "blob");
}

Digest BlobStore::Writer::commit(const std::optional<Digest>& digest,
                                 std::optional<std::uint64_t> size) {
  Digest found = hash_.finish();
  if (size && *size != size_) {
    throw Error(ErrorKind::kInvalidArgument, "the blob has " + std::to_string(size_) +
                                                 " bytes, expected " + std::to_string(*size));
  }
  if (digest && *digest != found) {
    throw Error(ErrorKind::kInvalidArgument,
                "the blob's digest is " + found.str() + ", expected " + digest->str());
  }
  check_errno(::fsync(file_.get()), "fsync", path_.native());
  const fs::path target = store_->path_of(found);
  check_errno(::rename(path_.c_str(), target.c_str()), "rename", target.native());
  path_.clear();
  sync_directory(store_->folder_);
  return found;
}

Digest BlobStore::put(std::string_view content) const {
  Writer writer = begin();
  writer.append(std::as_bytes(std::span(content)));
  return writer.commit(std::nullopt, std::nullopt);
}

std::string BlobStore::read(const Digest& digest) const {
  if (!contains(digest)) {
    throw Error(ErrorKind::kNotFound, "the blob " + digest.str() + " is missing");
  }
  std::string content = read_file(path_of(digest));
  if (sha256(content) != digest) {
    throw Error(ErrorKind::kInternal, "the blob " + digest.str() + " is damaged on the disk");
  }
  return content;
}

bool BlobStore::contains(const Digest& digest) const {
  return ::access(path_of(digest).c_str(), F_OK) == 0;
}

void BlobStore::remove(const Digest& digest) const {
  const fs::path path = path_of(digest);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) throw_errno("unlink", path.native());
}

void BlobStore::keep_only(const std::set<Digest>& digests) const {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const Digest digest("sha256:" + entry.path().filename().native());
    if (!digests.contains(digest)) fs::remove(entry.path(), error);
  }
}

}  // namespace berth::image
