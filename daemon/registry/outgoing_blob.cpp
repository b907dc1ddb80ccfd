#include "daemon/registry/outgoing_blob.hpp"

#include <boost/asio/post.hpp>
#include <unistd.h>

namespace berth::registry {

namespace {

constexpr std::size_t kPiece = std::size_t{256} << 10U;

}  // namespace

OutgoingBlob::OutgoingBlob(asio::any_io_executor sender, const std::filesystem::path& folder)
    : sender_(sender), file_(folder), reader_(file_.open_again()), grown_(std::move(sender)) {}

void OutgoingBlob::append(std::span<const std::byte> data) {
  if (abandoned_) throw Error(ErrorKind::kCancelled, "the push was cancelled");
  file_.append(data);
  if (!announced_.exchange(true)) announce([] {});
}

void OutgoingBlob::finish(std::string media_type) {
  Descriptor descriptor{std::move(media_type), file_.finish(), file_.size()};
  announce([this, descriptor = std::move(descriptor)] { descriptor_ = descriptor; });
}

void OutgoingBlob::fail(std::exception_ptr why) {
  announce([this, why = std::move(why)] { failure_ = why; });
}

void OutgoingBlob::announce(std::function<void()> change) {
  asio::post(sender_, [self = shared_from_this(), change = std::move(change)] {
    change();
    self->announced_ = false;
    self->grown_.set();
  });
}

Task<> OutgoingBlob::whole() {
  while (!descriptor_) {
    if (failure_) std::rethrow_exception(failure_);
    grown_.reset();
    co_await grown_.wait();
  }
}

Task<std::size_t> OutgoingBlob::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  for (;;) {
    // In front of the look: a piece that comes behind it has its announcement still to come.
    grown_.reset();
    if (failure_) std::rethrow_exception(failure_);
    if (file_.size() > offset) break;
    if (is_whole()) co_return 0;
    co_await grown_.wait();
  }
  ssize_t got = 0;
  do {
    got = ::pread(reader_.get(), buffer.data(), buffer.size(), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw_errno("read", "compressed layer");
  co_return static_cast<std::size_t>(got);
}

BlobBody::BlobBody(std::shared_ptr<OutgoingBlob> blob, std::uint64_t offset,
                   std::shared_ptr<std::atomic<std::uint64_t>> sent)
    : blob_(std::move(blob)),
      start_(offset),
      offset_(offset),
      sent_(std::move(sent)),
      buffer_(kPiece) {}

std::optional<std::uint64_t> BlobBody::size() const {
  if (!blob_->is_whole()) return std::nullopt;
  return blob_->descriptor().size - start_;
}

Task<std::span<const std::byte>> BlobBody::next() {
  const std::size_t count = co_await blob_->read_at(offset_, buffer_);
  offset_ += count;
  *sent_ = offset_;
  co_return std::span<const std::byte>(buffer_).first(count);
}

}  // namespace berth::registry
