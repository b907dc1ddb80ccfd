#include "common/image_reference.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using berth::ImageReference;

namespace {

const std::string kHex = std::string(60, 'a') + "0123";
const std::string kDigest = "sha256:" + kHex;

struct Case {
  std::string text;
  std::string normal;
  std::string familiar;
};

}  // namespace

TEST_CASE("references are brought to the normal form", "[image_reference]") {
  const auto [text, normal, familiar] = GENERATE(values<Case>({
      {"nginx", "docker.io/library/nginx", "nginx"},
      {"nginx:1.25", "docker.io/library/nginx:1.25", "nginx:1.25"},
      {"library/nginx", "docker.io/library/nginx", "nginx"},
      {"docker.io/nginx", "docker.io/library/nginx", "nginx"},
      {"index.docker.io/nginx", "docker.io/library/nginx", "nginx"},
      {"docker.io/library/nginx:x", "docker.io/library/nginx:x", "nginx:x"},
      {"team/app", "docker.io/team/app", "team/app"},
      {"docker.io/team/app", "docker.io/team/app", "team/app"},
      {"library/a/b", "docker.io/library/a/b", "library/a/b"},
      {"localhost/app", "localhost/app", "localhost/app"},
      {"localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"},
      {"localhost:5000/app", "localhost:5000/app", "localhost:5000/app"},
      {"127.0.0.1:5000/team/box:1", "127.0.0.1:5000/team/box:1", "127.0.0.1:5000/team/box:1"},
      {"[::1]:5000/app:1", "[::1]:5000/app:1", "[::1]:5000/app:1"},
      {"[2001:db8::1]/app", "[2001:db8::1]/app", "[2001:db8::1]/app"},
      {"ghcr.io/a/b/c/d", "ghcr.io/a/b/c/d", "ghcr.io/a/b/c/d"},
      {"Host/app", "Host/app", "Host/app"},
      {"foo_bar.com:8080/app", "", ""},
      {"a__b/c--d/e.f/g_h", "docker.io/a__b/c--d/e.f/g_h", "a__b/c--d/e.f/g_h"},
      {"nginx@" + kDigest, "docker.io/library/nginx@" + kDigest, "nginx@" + kDigest},
      {"nginx:1@" + kDigest, "docker.io/library/nginx:1@" + kDigest, "nginx:1@" + kDigest},
      {"x:" + std::string(128, 'y'), "docker.io/library/x:" + std::string(128, 'y'),
       "x:" + std::string(128, 'y')},
      {std::string(247, 'n'), "docker.io/library/" + std::string(247, 'n'), std::string(247, 'n')},
  }));
  CAPTURE(text);
  if (normal.empty()) {
    CHECK_THROWS_AS(ImageReference::parse(text), berth::Error);
    return;
  }
  const ImageReference reference = ImageReference::parse(text);
  CHECK(reference.str() == normal);
  CHECK(reference.familiar() == familiar);
  CHECK(ImageReference::parse(reference.str()) == reference);
  CHECK(ImageReference::parse(reference.familiar()) == reference);
}

TEST_CASE("references that break the grammar are refused with the reason", "[image_reference]") {
  const auto text = GENERATE_COPY(values<std::string>({
      "",
      ":",
      ":tag",
      "@" + kDigest,
      "UPPER",
      "a/UPPER/b",
      "nginx:",
      "nginx:-x",
      "nginx:.x",
      "nginx:a b",
      "nginx:" + std::string(129, 'y'),
      "nginx@",
      "nginx@sha256:abc",
      "nginx@sha512:" + std::string(128, 'a'),
      "nginx@sha256:" + std::string(64, 'A'),
      "nginx@" + kDigest + "@" + kDigest,
      "nginx@" + kDigest + ":1",
      "-nginx",
      "nginx-",
      "a//b",
      "/a",
      "a/",
      "a..b",
      "a___b",
      "a._b",
      "../a",
      "a/../b",
      "host.:80/a",
      "-host.com/a",
      "host.com:/a",
      "host.com:80x/a",
      "[::1/a",
      "[zz]/a",
      "localhost:5000/",
      "a\nb",
      std::string("a\0b", 3),
      "\xc3\xa4",
      std::string(248, 'n'),
      kHex,
      std::string(100000, '/'),
  }));
  CAPTURE(text.substr(0, 100));
  try {
    const std::string accepted = ImageReference::parse(text).str();
    FAIL("accepted as " << accepted);
  } catch (const berth::Error& error) {
    CHECK(error.kind() == berth::ErrorKind::kInvalidArgument);
    CHECK(std::string(error.what()).starts_with("invalid reference format: "));
    CHECK(std::string(error.what()).size() < 600);
  }
}

TEST_CASE("tags and digests are put on a name", "[image_reference]") {
  const auto plain = ImageReference::parse("team/app");
  CHECK(plain.is_name_only());
  CHECK(plain.with_default_tag().familiar() == "team/app:latest");
  CHECK(plain.with_tag("2").with_default_tag().tag() == "2");
  CHECK_THROWS_AS(plain.with_tag("a b"), berth::Error);
  CHECK_THROWS_AS(plain.with_tag(""), berth::Error);
  const auto pinned = ImageReference::parse("team/app:1").with_digest(berth::Digest(kDigest));
  CHECK(pinned.familiar() == "team/app@" + kDigest);
  CHECK(pinned.with_default_tag() == pinned);
  CHECK(pinned.name_only() == plain);
}
