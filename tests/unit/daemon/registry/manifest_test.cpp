#include "daemon/registry/manifest.hpp"

#include <catch2/catch.hpp>

#include "common/error.hpp"

using namespace berth;
using namespace berth::registry;

namespace {

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string image(const std::string& extra = "", const std::string& size = "10",
                  const std::string& config_type = "application/vnd.oci.image.config.v1+json") {
  return R"({"schemaVersion":2,"config":{"mediaType":")" + config_type +
         R"(","size":7,"digest":")" + kA +
         R"("},"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":)" +
         size + R"(,"digest":")" + kB + R"("}])" + extra + "}";
}

struct Entry {
  const char* os;
  const char* architecture;
  const char* variant;
};

Index index_of(std::initializer_list<Entry> entries) {
  Index index;
  char digit = '0';
  for (const Entry& entry : entries) {
    IndexEntry made;
    made.manifest.digest = Digest("sha256:" + std::string(64, digit++));
    made.platform = {entry.os, entry.architecture, entry.variant};
    made.has_platform = true;
    index.manifests.push_back(made);
  }
  return index;
}

/// The position of the entry chosen, -1 for none.
int choice(const Index& index, const char* platform) {
  const auto chosen = select_platform(index, parse_platform(platform));
  return chosen ? chosen->digest.str()[7] - '0' : -1;
}

}  // namespace

TEST_CASE("an image manifest is read", "[registry]") {
  const ImageManifest manifest = parse_image_manifest(image());
  CHECK(manifest.config.digest.str() == kA);
  REQUIRE(manifest.layers.size() == 1);
  CHECK(manifest.layers[0].size == 10);
  CHECK(manifest.layers[0].digest.str() == kB);
}

TEST_CASE("a manifest that breaks the format is refused", "[registry]") {
  const auto body = GENERATE(
      std::string(""), std::string("[]"), std::string("{}"), std::string(R"({"schemaVersion":2})"),
      std::string(R"({"schemaVersion":1,"fsLayers":[]})"), image(R"(,"manifests":[])"),
      image(R"(,"fsLayers":[])"), image("", "-1"), image("", "1.5"), image("", "\"10\""),
      image("", "18446744073709551615"), image("", "10", "application/vnd.wasm.config.v1+json"));
  CHECK_THROWS_AS(parse_image_manifest(body), Error);
}

TEST_CASE("digests in manifests are checked", "[registry]") {
  std::string body = image();
  body.replace(body.find(kB), kB.size(), "sha256:../../../../etc/passwd");
  CHECK_THROWS_AS(parse_image_manifest(body), Error);
}

TEST_CASE("a manifest's type comes from itself, then from the header", "[registry]") {
  CHECK(manifest_type(image(), "application/vnd.oci.image.manifest.v1+json; charset=utf-8") ==
        kOciManifest);
  CHECK(manifest_type(image(R"(,"mediaType":"x/y")"), kOciManifest) == "x/y");
  CHECK(manifest_type(image(), "text/plain") == kOciManifest);
  CHECK(is_index(manifest_type(R"({"schemaVersion":2,"manifests":[]})", "")));
}

TEST_CASE("platforms are read and normalised", "[registry]") {
  CHECK(parse_platform("linux/amd64").str() == "linux/amd64");
  CHECK(parse_platform("Linux/x86_64").str() == "linux/amd64");
  CHECK(parse_platform("linux/aarch64").str() == "linux/arm64");
  CHECK(parse_platform("linux/arm64/v8").str() == "linux/arm64");
  CHECK(parse_platform("linux/arm").str() == "linux/arm/v7");
  CHECK(parse_platform("linux/arm/6").str() == "linux/arm/v6");
  CHECK(parse_platform("arm64").str() == "linux/arm64");
  CHECK(parse_platform("windows").os == "windows");
  CHECK(parse_platform("") == host_platform());
  const auto bad = GENERATE("/", "linux/", "linux/a/b/c", "linux/a b", "../x");
  CHECK_THROWS_AS(parse_platform(bad), Error);
}

TEST_CASE("the best entry of an index is chosen", "[registry]") {
  const Index index = index_of({{"linux", "arm", "v5"},
                                {"linux", "arm", "v7"},
                                {"linux", "amd64", ""},
                                {"linux", "arm64", "v8"},
                                {"windows", "amd64", ""},
                                {"unknown", "unknown", ""}});
  CHECK(choice(index, "linux/amd64") == 2);
  CHECK(choice(index, "linux/amd64/v3") == 2);
  CHECK(choice(index, "linux/arm64") == 3);
  CHECK(choice(index, "linux/arm/v7") == 1);
  CHECK(choice(index, "linux/arm/v6") == 0);
  CHECK(choice(index, "linux/s390x") == -1);
  CHECK(choice(index_of({{"linux", "amd64", "v3"}}), "linux/amd64") == -1);
  CHECK(choice(index_of({{"linux", "amd64", "v2"}, {"linux", "amd64", "v3"}}), "linux/amd64/v4") ==
        1);
}

TEST_CASE("a single entry without platform is taken", "[registry]") {
  Index index;
  index.manifests.emplace_back();
  index.manifests[0].manifest.digest = Digest(kA);
  CHECK(select_platform(index, host_platform()));
  index.manifests.emplace_back();
  CHECK_FALSE(select_platform(index, host_platform()));
}

TEST_CASE("the configuration tells platform and layers", "[registry]") {
  const ConfigSummary summary = parse_config(
      R"({"os":"linux","architecture":"amd64","rootfs":{"type":"layers","diff_ids":[")" + kA +
      R"("]}})");
  CHECK(summary.platform.str() == "linux/amd64");
  REQUIRE(summary.diff_ids.size() == 1);
  const auto bad =
      GENERATE("{}", R"({"rootfs":[]})", R"({"rootfs":{"diff_ids":[5]}})",
               R"({"rootfs":{"diff_ids":["sha256:x"]}})", R"({"os":1,"rootfs":{"diff_ids":[]}})");
  CHECK_THROWS_AS(parse_config(bad), Error);
}
