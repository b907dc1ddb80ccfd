// A blob that is being made on one thread while another sends it.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "daemon/async/signal.hpp"
#include "daemon/registry/fetch.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::registry {

class OutgoingBlob : public std::enable_shared_from_this<OutgoingBlob> {
 public:
  /// `sender` is the executor that reads; `folder` gets an unnamed file. Throws Error.
  OutgoingBlob(asio::any_io_executor sender, const std::filesystem::path& folder);
  OutgoingBlob(const OutgoingBlob&) = delete;
  OutgoingBlob& operator=(const OutgoingBlob&) = delete;

  // The maker's side: one thread, any.

  /// Throws Error{kCancelled} once nobody wants the blob any more.
  void append(std::span<const std::byte> data);
  void finish(std::string media_type);
  void fail(std::exception_ptr why);

  // The sender's side: its executor alone.

  bool is_whole() const noexcept { return descriptor_.has_value(); }
  /// What the finished blob is.
  const Descriptor& descriptor() const { return *descriptor_; }
  /// Waits for the end of the making; throws what fail() was given.
  Task<> whole();
  /// Bytes from `offset` on, as many as are there, after a wait for the first; 0 at the end. Throws
  /// what fail() was given.
  Task<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer);

  /// Any thread: the blob is not wanted any more.
  void abandon() noexcept { abandoned_ = true; }
  /// Any thread: bytes that were made.
  std::uint64_t made() const noexcept { return file_.size(); }

 private:
  void announce(std::function<void()> change);

  asio::any_io_executor sender_;
  BlobFile file_;
  Fd reader_;
  std::atomic<bool> abandoned_{false};
  /// An announcement is on its way: the next piece needs none of its own.
  std::atomic<bool> announced_{false};
  AsyncSignal grown_;
  std::optional<Descriptor> descriptor_;
  std::exception_ptr failure_;
};

/// What is left of a blob from `offset` on, as a request's body.
class BlobBody : public RequestBody {
 public:
  /// `sent` counts what was handed over, from `offset` on.
  BlobBody(std::shared_ptr<OutgoingBlob> blob, std::uint64_t offset,
           std::shared_ptr<std::atomic<std::uint64_t>> sent);

  std::optional<std::uint64_t> size() const override;
  Task<std::span<const std::byte>> next() override;

 private:
  std::shared_ptr<OutgoingBlob> blob_;
  std::uint64_t start_;
  std::uint64_t offset_;
  std::shared_ptr<std::atomic<std::uint64_t>> sent_;
  std::vector<std::byte> buffer_;
};

}  // namespace berth::registry
