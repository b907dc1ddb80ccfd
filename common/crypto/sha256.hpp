// SHA-256 over OpenSSL.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "common/digest.hpp"

namespace berth {

/// A running hash: update() as often as there is data, then finish() once.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::span<const std::byte> data);
  void update(std::string_view data);
  /// "sha256:<hex>" of all that was given. The object can be used no more.
  Digest finish();

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

Digest sha256(std::string_view data);

/// The chain id of a layer on top of `parent` (empty for the lowest layer).
ChainId chain_id(const ChainId& parent, const DiffId& layer);

}  // namespace berth
