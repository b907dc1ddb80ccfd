// Image archives, made in the test.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/crypto/sha256.hpp"
#include "tar_builder.hpp"

namespace berth::test {

struct TestImage {
  std::vector<std::string> layers;  // tars, lowest first
  nlohmann::json config = {{"Cmd", {"sh"}}};
  std::string created = "2024-01-02T03:04:05Z";

  std::string document() const {
    nlohmann::json diff_ids = nlohmann::json::array();
    nlohmann::json history = nlohmann::json::array();
    for (const std::string& layer : layers) {
      diff_ids.push_back(sha256(layer).str());
      history.push_back({{"created", created}, {"created_by", "layer"}});
    }
    history.push_back({{"created", created}, {"created_by", "CMD"}, {"empty_layer", true}});
    return nlohmann::json{{"architecture", "amd64"},
                          {"os", "linux"},
                          {"created", created},
                          {"config", config},
                          {"rootfs", {{"type", "layers"}, {"diff_ids", diff_ids}}},
                          {"history", history}}
        .dump();
  }
  std::string id() const { return sha256(document()).str(); }
};

inline std::string one_file_layer(const std::string& name, const std::string& text) {
  return TarBuilder().file(name, text).finish();
}

/// As `docker save` writes it.
inline std::string docker_archive(
    const std::vector<std::pair<TestImage, std::vector<std::string>>>& images) {
  TarBuilder tar;
  nlohmann::json manifest = nlohmann::json::array();
  for (const auto& [image, tags] : images) {
    nlohmann::json layers = nlohmann::json::array();
    for (const std::string& layer : image.layers) {
      const std::string name = sha256(layer).str().substr(7, 20) + "/layer.tar";
      tar.file(name, layer);
      layers.push_back(name);
    }
    const std::string config = image.id().substr(7) + ".json";
    tar.file(config, image.document());
    manifest.push_back({{"Config", config}, {"RepoTags", tags}, {"Layers", layers}});
  }
  tar.file("manifest.json", manifest.dump());
  return tar.finish();
}

inline std::string docker_archive(const TestImage& image, const std::vector<std::string>& tags) {
  return docker_archive({{image, tags}});
}

/// An OCI image layout. `pack` compresses a layer.
template <typename Pack>
std::string oci_archive(const TestImage& image, const std::string& name, Pack pack) {
  TarBuilder tar;
  const auto blob = [&](const std::string& data) {
    const std::string digest = sha256(data).str();
    tar.file("blobs/sha256/" + digest.substr(7), data);
    return digest;
  };
  nlohmann::json layers = nlohmann::json::array();
  for (const std::string& layer : image.layers) {
    const std::string packed = pack(layer);
    layers.push_back({{"mediaType", "application/vnd.oci.image.layer.v1.tar+gzip"},
                      {"digest", blob(packed)},
                      {"size", packed.size()}});
  }
  const std::string document = image.document();
  const std::string manifest = nlohmann::json{
      {"schemaVersion", 2},
      {"mediaType", "application/vnd.oci.image.manifest.v1+json"},
      {"config",
       {{"mediaType", "application/vnd.oci.image.config.v1+json"},
        {"digest", blob(document)},
        {"size", document.size()}}},
      {"layers", layers}}.dump();
  nlohmann::json entry{{"mediaType", "application/vnd.oci.image.manifest.v1+json"},
                       {"digest", blob(manifest)},
                       {"size", manifest.size()}};
  if (!name.empty()) entry["annotations"] = {{"org.opencontainers.image.ref.name", name}};
  tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  tar.file(
      "index.json",
      nlohmann::json{{"schemaVersion", 2}, {"manifests", nlohmann::json::array({entry})}}.dump());
  return tar.finish();
}

}  // namespace berth::test
