#include "common/crypto/sha256.hpp"

#include <array>

#include <openssl/evp.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth {

struct Sha256::Context {
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> handle{EVP_MD_CTX_new()};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  if (!context_->handle || EVP_DigestInit_ex(context_->handle.get(), EVP_sha256(), nullptr) != 1) {
    throw Error(ErrorKind::kInternal, "cannot initialise SHA-256");
  }
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::span<const std::byte> data) {
  if (EVP_DigestUpdate(context_->handle.get(), data.data(), data.size()) != 1) {
    throw Error(ErrorKind::kInternal, "SHA-256 update failed");
  }
}

void Sha256::update(std::string_view data) {
  update(std::as_bytes(std::span(data)));
}

Digest Sha256::finish() {
  std::array<unsigned char, 32> bytes{};
  unsigned int length = 0;
  if (EVP_DigestFinal_ex(context_->handle.get(), bytes.data(), &length) != 1) {
    throw Error(ErrorKind::kInternal, "SHA-256 finish failed");
  }
  return Digest("sha256:" + to_hex(bytes));
}

Digest sha256(std::string_view data) {
  Sha256 hash;
  hash.update(data);
  return hash.finish();
}

ChainId chain_id(const ChainId& parent, const DiffId& layer) {
  if (parent.empty()) return ChainId(layer.str());
  return ChainId(sha256(parent.str() + " " + layer.str()).str());
}

}  // namespace berth
