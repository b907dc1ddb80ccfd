#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/crypto/sha256.hpp"
#include "common/image_reference.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::registry {

namespace {

Descriptor layer(std::string_view type, char digit) {
  return {std::string(type), Digest("sha256:" + std::string(64, digit)), 12};
}

}  // namespace

TEST_CASE("a manifest is Docker's where that has words for it", "[registry]") {
  const ManifestDocument made =
      make_manifest("{}", {layer(kDockerLayerGzip, 'a'), layer(kOciLayerGzip, 'b')});
  CHECK(made.media_type == kDockerManifest);
  const auto json = nlohmann::json::parse(made.body);
  CHECK(json["mediaType"] == kDockerManifest);
  CHECK(json["config"]["digest"] == sha256("{}").str());
  CHECK(json["config"]["size"] == 2);
  CHECK(json["layers"][1]["mediaType"] == kDockerLayerGzip);
  const ImageManifest parsed = parse_image_manifest(made.body);
  REQUIRE(parsed.layers.size() == 2);
  CHECK(parsed.layers[0].digest == layer("", 'a').digest);
}

TEST_CASE("a manifest with a zstd layer is OCI's", "[registry]") {
  const ManifestDocument made = make_manifest(
      "{}",
      {layer(kDockerLayerGzip, 'a'), layer("application/vnd.oci.image.layer.v1.tar+zstd", 'b')});
  CHECK(made.media_type == kOciManifest);
  const auto json = nlohmann::json::parse(made.body);
  CHECK(json["config"]["mediaType"] == kOciConfig);
  CHECK(json["layers"][0]["mediaType"] == kOciLayerGzip);
  CHECK(json["layers"][1]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+zstd");
}

TEST_CASE("a manifest is kept only for the layers that it names", "[registry]") {
  const std::vector<Descriptor> layers{layer(kDockerLayerGzip, 'a')};
  const ManifestDocument made = make_manifest("{}", layers);
  CHECK(describes(made, "{}", layers));
  CHECK_FALSE(describes(made, "{} ", layers));
  CHECK_FALSE(describes(made, "{}", {}));
  CHECK_FALSE(describes(made, "{}", {layer(kDockerLayerGzip, 'b')}));
  CHECK_FALSE(describes({}, "{}", layers));
  CHECK_FALSE(describes({std::string(kOciManifest), "not json"}, "{}", layers));
}

TEST_CASE("a login's address names a registry", "[registry]") {
  CHECK(registry_of_address("") == "docker.io");
  CHECK(registry_of_address("https://index.docker.io/v1/") == "docker.io");
  CHECK(registry_of_address("docker.io") == "docker.io");
  CHECK(registry_of_address("http://localhost:5000/v2/") == "localhost:5000");
  CHECK(registry_of_address("quay.example") == "quay.example");
}

}  // namespace berth::registry
