#include "daemon/image/gzip.hpp"

#include <cstring>
#include <random>
#include <string>

#include <catch2/catch.hpp>

#include "daemon/image/byte_reader.hpp"

namespace berth::image {

namespace {

std::string compress(std::string_view content, unsigned threads, std::size_t piece) {
  std::string result;
  Gzip gzip(
      [&](std::span<const std::byte> bytes) {
        result.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      },
      threads);
  for (std::size_t at = 0; at < content.size(); at += piece)
    gzip.feed(std::as_bytes(std::span(content.substr(at, piece))));
  gzip.finish();
  return result;
}

class TextReader : public ByteReader {
 public:
  explicit TextReader(std::string text) : text_(std::move(text)) {}
  std::span<const std::byte> next() override {
    const std::span<const std::byte> all = std::as_bytes(std::span(text_));
    return std::exchange(done_, true) ? all.first(0) : all;
  }

 private:
  std::string text_;
  bool done_ = false;
};

std::string unpack(const std::string& compressed) {
  const auto reader = decompress(std::make_unique<TextReader>(compressed));
  std::string result;
  for (;;) {
    const auto block = reader->next();
    if (block.empty()) return result;
    result.append(reinterpret_cast<const char*>(block.data()), block.size());
  }
}

std::string noise(std::size_t size) {
  std::mt19937_64 random(7);  // NOLINT: the same noise each time
  std::string text(size, '\0');
  for (std::size_t at = 0; at + 8 <= size; at += 8) {
    const std::uint64_t value = random();
    std::memcpy(text.data() + at, &value, sizeof value);
  }
  return text;
}

}  // namespace

TEST_CASE("gzip gives back what went in", "[image]") {
  const std::size_t size = GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{1} << 20U,
                                    (std::size_t{5} << 20U) + 12345);
  std::string content;
  while (content.size() < size)
    content += "line " + std::to_string(content.size()) + "\n";
  content.resize(size);
  const std::string once = compress(content, 2, 100'000);
  CHECK(unpack(once) == content);
  CHECK(once.size() < content.size() / 3 + 100);
  // Pieces and threads leave no trace: the digest of a layer's compressed form stays.
  CHECK(compress(content, 1, 3'333'333) == once);
  CHECK(compress(content, 4, 7'777) == once);
}

TEST_CASE("gzip does not make noise much larger", "[image]") {
  const std::string content = noise(std::size_t{3} << 20U);
  const std::string packed = compress(content, 2, 65'536);
  CHECK(packed.size() < content.size() + 4096);
  CHECK(unpack(packed) == content);
  // Noise beside text in one block is still compressed.
  const std::string mixed = noise(std::size_t{1} << 19U) + std::string(std::size_t{1} << 19U, 'x');
  CHECK(compress(mixed, 1, mixed.size()).size() < mixed.size() * 6 / 10);
}

TEST_CASE("what gzip's sink throws comes out", "[image]") {
  Gzip gzip([](std::span<const std::byte>) { throw std::runtime_error("full"); }, 2);
  const std::string content = noise(std::size_t{1} << 20U);
  const auto feed = [&] {
    for (int i = 0; i < 10; ++i)
      gzip.feed(std::as_bytes(std::span(content)));
    gzip.finish();
  };
  CHECK_THROWS_WITH(feed(), "full");
}

}  // namespace berth::image
