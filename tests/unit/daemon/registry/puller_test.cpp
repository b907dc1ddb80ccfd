// Whole pulls from a registry inside the test into a target that remembers what it was given.
#include "daemon/registry/puller.hpp"

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "common/crypto/sha256.hpp"
#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/async/signal.hpp"
#include "daemon/registry/manifest.hpp"
#include "daemon/registry/progress.hpp"
#include "fake_server.hpp"

using namespace berth;
using namespace berth::registry;
using berth::test::FakeAnswer;
using berth::test::FakeRequest;
using berth::test::FakeServer;
using Json = nlohmann::json;

namespace {

/// Blobs and manifests by path below any repository.
struct Content {
  std::map<std::string, std::pair<std::string, std::string>> items;  // type and body

  Json put_blob(const std::string& body, const std::string& type) {
    const std::string digest = sha256(body).str();
    items["blobs/" + digest] = {type, body};
    return {{"mediaType", type}, {"digest", digest}, {"size", body.size()}};
  }
  Json put_manifest(const Json& json, const std::string& type, const std::string& tag = "") {
    const std::string body = json.dump();
    const std::string digest = sha256(body).str();
    items["manifests/" + digest] = {type, body};
    if (!tag.empty()) items["manifests/" + tag] = {type, body};
    return {{"mediaType", type}, {"digest", digest}, {"size", body.size()}};
  }
  /// An image whose "layers" are these texts, taken for their own uncompressed form.
  Json put_image(const std::vector<std::string>& layers, const std::string& tag = "",
                 const std::string& architecture = "amd64") {
    Json config = {{"os", "linux"}, {"architecture", architecture}};
    config["rootfs"] = {{"type", "layers"}, {"diff_ids", Json::array()}};
    Json manifest = {{"schemaVersion", 2}, {"mediaType", kOciManifest}, {"layers", Json::array()}};
    for (const std::string& layer : layers) {
      config["rootfs"]["diff_ids"].push_back(sha256(layer).str());
      manifest["layers"].push_back(put_blob(layer, "application/vnd.oci.image.layer.v1.tar"));
    }
    manifest["config"] = put_blob(config.dump(), "application/vnd.oci.image.config.v1+json");
    return put_manifest(manifest, std::string(kOciManifest), tag);
  }

  FakeAnswer answer(const FakeRequest& request) const {
    if (request.target == "/v2/") return {};
    const std::size_t at =
        std::min(request.target.find("/manifests/"), request.target.find("/blobs/"));
    const std::string path = at == std::string::npos ? "" : request.target.substr(at + 1);
    const auto found = items.find(path);
    if (found == items.end()) {
      return {404,
              {},
              R"({"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]})",
              {},
              false};
    }
    return {200, {{"Content-Type", found->second.first}}, found->second.second, {}, false};
  }
};

class FakeStore {
 public:
  explicit FakeStore(asio::any_io_executor executor) : gate(executor) { gate.set(); }

  Task<bool> has_image(Digest config_digest) { co_return images.contains(config_digest); }
  Task<bool> has_layer(ChainId chain) { co_return layers.contains(chain); }
  Task<> add_layer(LayerBlob layer) {
    started.push_back(layer.chain);
    co_await gate.wait();
    if (fail) throw Error(ErrorKind::kInternal, "no space left on device");
    const std::string content = read_all(layer.file.get(), "layer");
    CHECK(sha256(content).str() == layer.diff_id.str());
    CHECK(sha256(content) == layer.digest);
    CHECK(chain_id(layer.parent, layer.diff_id) == layer.chain);
    if (!parallel && !layer.parent.empty()) CHECK(layers.contains(layer.parent));
    CHECK(layers.emplace(layer.chain, content).second);
  }
  Task<bool> add_image(PulledImage image) {
    images[image.config_digest] = image.config;
    const std::string name = image.name.str();
    const bool changed = names[name] != image.config_digest;
    names[name] = image.config_digest;
    last = std::move(image);
    co_return changed;
  }

  AsyncSignal gate;
  bool parallel = true;
  bool fail = false;
  std::map<Digest, std::string> images;
  std::map<ChainId, std::string> layers;
  std::map<std::string, Digest> names;
  std::vector<ChainId> started;
  std::optional<PulledImage> last;
};

class FakeTarget : public PullTarget {
 public:
  explicit FakeTarget(FakeStore& store) : store_(store) {}
  Task<bool> has_image(Digest digest) override { return store_.has_image(std::move(digest)); }
  Task<bool> has_layer(ChainId chain) override { return store_.has_layer(std::move(chain)); }
  bool unpacks_in_parallel() const override { return store_.parallel; }
  Task<> add_layer(LayerBlob layer) override { return store_.add_layer(std::move(layer)); }
  Task<bool> add_image(PulledImage image) override { return store_.add_image(std::move(image)); }

 private:
  FakeStore& store_;
};

struct Fixture {
  Fixture() : server(io, [this](const FakeRequest& asked) { return answer(asked); }) {
    options.retry_delay = std::chrono::milliseconds(1);
    options.max_download_attempts = 2;
    request.platform = "linux/amd64";
  }

  ~Fixture() {
    if (puller_) test::run(io, puller_->close());
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  FakeAnswer answer(const FakeRequest& asked) {
    if (fault) {
      if (auto changed = fault(asked)) return *changed;
    }
    return content.answer(asked);
  }
  Puller& puller() {
    if (!puller_) {
      const auto targets = [this] { return std::make_unique<FakeTarget>(target); };
      puller_ = std::make_unique<Puller>(io.get_executor(), thread, targets, options);
    }
    return *puller_;
  }
  Task<> keep(std::string lines) {
    messages += lines;
    co_return;
  }
  ProgressSink sink() {
    return [this](std::string lines) { return keep(std::move(lines)); };
  }
  void pull() { test::run(io, puller().pull(request, sink())); }
  std::string pull_error(ErrorKind kind) {
    try {
      pull();
    } catch (const Error& error) {
      CHECK(error.kind() == kind);
      return error.what();
    }
    return "no error";
  }
  /// "status id" of every message, progress messages left out.
  std::vector<std::string> statuses() const {
    std::vector<std::string> result;
    for (const std::string_view line : split(messages, '\n')) {
      if (trim(line).empty()) continue;
      const Json json = Json::parse(line);
      if (json.contains("progress")) continue;
      result.push_back(json["status"].get<std::string>() +
                       (json.contains("id") ? " " + json["id"].get<std::string>() : ""));
    }
    return result;
  }
  bool has_status(const std::string& text) const {
    const auto all = statuses();
    return std::find(all.begin(), all.end(), text) != all.end();
  }

  asio::io_context io{1};
  Content content;
  std::function<std::optional<FakeAnswer>(const FakeRequest&)> fault;
  FakeServer server;
  FakeStore target{io.get_executor()};
  TransferThread thread;
  Options options;
  PullRequest request{ImageReference::parse(server.address() + "/app"), "", {}};
  std::string messages;
  std::unique_ptr<Puller> puller_;
};

std::string digest_of(const Json& descriptor) {
  return descriptor["digest"].get<std::string>();
}

std::string label(const std::string& layer) {
  return sha256(layer).str().substr(7, 12);
}

}  // namespace

TEST_CASE("an image is pulled, then is up to date", "[registry]") {
  Fixture f;
  const Json pushed = f.content.put_image({"bottom", "top"}, "latest");
  f.pull();
  const std::string digest = digest_of(pushed);
  const auto all = f.statuses();
  REQUIRE(all.size() >= 6);
  CHECK(all.front() == "Pulling from app latest");
  CHECK(all[1] == "Pulling fs layer " + label("bottom"));
  CHECK(all[2] == "Pulling fs layer " + label("top"));
  for (const char* layer : {"bottom", "top"}) {
    for (const char* status : {"Verifying Checksum", "Download complete", "Pull complete"}) {
      CHECK(f.has_status(std::string(status) + " " + label(layer)));
    }
  }
  CHECK(all[all.size() - 2] == "Digest: " + digest);
  CHECK(all.back() == "Status: Downloaded newer image for " + f.server.address() + "/app:latest");
  CHECK(f.target.layers.size() == 2);
  CHECK(f.target.last->name_digest.str() == digest);
  CHECK(f.target.last->name.tag() == "latest");
  CHECK(sha256(f.target.last->config) == f.target.last->config_digest);

  f.messages.clear();
  f.pull();
  CHECK(f.statuses().back() ==
        "Status: Image is up to date for " + f.server.address() + "/app:latest");
  CHECK(f.server.count("GET", "/v2/app/blobs/" + sha256("top").str()) == 1);
}

TEST_CASE("a layer that is there is not fetched", "[registry]") {
  Fixture f;
  f.content.put_image({"shared", "first"}, "latest");
  f.content.put_image({"shared", "second"}, "next");
  f.pull();
  f.request.name = f.request.name.with_tag("next");
  f.messages.clear();
  f.pull();
  CHECK(f.has_status("Already exists " + label("shared")));
  CHECK(f.has_status("Pull complete " + label("second")));
  CHECK(f.server.count("GET", "/v2/app/blobs/" + sha256("shared").str()) == 1);
  CHECK(f.target.layers.size() == 3);
}

TEST_CASE("an image with the same layer twice", "[registry]") {
  Fixture f;
  f.content.put_image({"same", "same", "other", "same"}, "latest");
  f.target.parallel = GENERATE(true, false);
  f.pull();
  CHECK(f.target.layers.size() == 4);
}

TEST_CASE("an image without layers", "[registry]") {
  Fixture f;
  f.content.put_image({}, "latest");
  f.pull();
  CHECK(f.target.images.size() == 1);
}

TEST_CASE("layers go from the bottom up where the store wants it", "[registry]") {
  Fixture f;
  f.target.parallel = false;
  f.content.put_image({std::string(2'000'000, 'a'), "b", "c", "d"}, "latest");
  f.pull();
  REQUIRE(f.target.started.size() == 4);
  CHECK(f.target.layers.at(f.target.started[1]) == "b");
  CHECK(f.target.layers.at(f.target.started[3]) == "d");
}

TEST_CASE("the platform is chosen from a manifest list", "[registry]") {
  Fixture f;
  Json arm = f.content.put_image({"arm"}, "", "arm64");
  Json amd = f.content.put_image({"amd"});
  arm["platform"] = {{"os", "linux"}, {"architecture", "arm64"}, {"variant", "v8"}};
  amd["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
  const auto type = GENERATE(std::string(kOciIndex), std::string(kDockerManifestList));
  const Json index = f.content.put_manifest(
      {{"schemaVersion", 2}, {"mediaType", type}, {"manifests", {arm, amd}}}, type, "latest");
  SECTION("one that is there") {
    f.request.platform = "linux/arm64";
    f.pull();
    CHECK(f.target.layers.begin()->second == "arm");
    CHECK(f.target.last->name_digest.str() == digest_of(index));
    CHECK(sha256(f.target.last->manifest).str() == digest_of(arm));
  }
  SECTION("one that is not") {
    f.request.platform = "linux/s390x";
    CHECK(f.pull_error(ErrorKind::kNotFound) ==
          "no matching manifest for linux/s390x in the manifest list entries");
    CHECK(f.messages.empty());
  }
  SECTION("by the list's digest") {
    f.request.name = f.request.name.with_digest(Digest(digest_of(index)));
    f.pull();
    CHECK(f.target.last->name.digest().str() == digest_of(index));
    CHECK(f.target.last->name.tag().empty());
    CHECK(f.statuses().back() == "Status: Downloaded newer image for " +
                                     f.request.name.familiar_name() + "@" + digest_of(index));
  }
}

TEST_CASE("an image of another platform is not what was asked for", "[registry]") {
  Fixture f;
  f.content.put_image({"x"}, "latest", "arm64");
  const std::string text = f.pull_error(ErrorKind::kNotFound);
  CHECK(text.find("wanted linux/amd64, actual: linux/arm64") != std::string::npos);
  f.request.platform = "";  // then what there is will do
  f.pull();
  CHECK(f.target.images.size() == 1);
}

TEST_CASE("what is not there is said in known words", "[registry]") {
  Fixture f;
  CHECK(f.pull_error(ErrorKind::kNotFound)
            .starts_with("manifest for " + f.request.name.familiar_name() +
                         ":latest not found: manifest unknown"));
  f.fault = [](const FakeRequest& asked) -> std::optional<FakeAnswer> {
    if (asked.target == "/v2/") return std::nullopt;
    return FakeAnswer{401, {{"WWW-Authenticate", "Basic realm=\"x\""}}, "", {}, false};
  };
  CHECK(f.pull_error(ErrorKind::kNotFound)
            .starts_with("pull access denied for " + f.request.name.familiar_name() +
                         ", repository does not exist or may require 'docker login'"));
  CHECK(f.messages.empty());
}

TEST_CASE("manifest and configuration must agree", "[registry]") {
  Fixture f;
  Json manifest = {{"schemaVersion", 2}, {"layers", Json::array()}};
  manifest["layers"].push_back(f.content.put_blob("a", ""));
  const Json config = {
      {"os", "linux"}, {"architecture", "amd64"}, {"rootfs", {{"diff_ids", Json::array()}}}};
  manifest["config"] =
      f.content.put_blob(config.dump(), "application/vnd.oci.image.config.v1+json");
  f.content.put_manifest(manifest, std::string(kOciManifest), "latest");
  CHECK(f.pull_error(ErrorKind::kInternal).find("inconsistent") != std::string::npos);
}

TEST_CASE("a layer with wrong bytes ends the pull", "[registry]") {
  Fixture f;
  f.content.put_image({"good", "evil"}, "latest");
  f.content.items["blobs/" + sha256("evil").str()].second = "live";
  CHECK(f.pull_error(ErrorKind::kInternal).find("does not match its digest") != std::string::npos);
  CHECK(f.target.images.empty());
  CHECK_FALSE(f.has_status("Pull complete " + label("evil")));
}

TEST_CASE("a store that cannot take a layer ends the pull", "[registry]") {
  Fixture f;
  f.content.put_image({"a", "b", "c"}, "latest");
  f.target.fail = true;
  CHECK(f.pull_error(ErrorKind::kInternal) == "no space left on device");
  CHECK(f.target.images.empty());
  f.target.fail = false;
  f.pull();
  CHECK(f.target.images.size() == 1);
}

TEST_CASE("two pulls share one download and one unpacking", "[registry]") {
  Fixture f;
  const std::string layer(3'000'000, 'x');
  f.content.put_image({layer}, "latest");
  int left = 2;
  std::exception_ptr failure;
  for (int i = 0; i < 2; ++i) {
    asio::co_spawn(f.io, f.puller().pull(f.request, f.sink()), [&](std::exception_ptr error) {
      if (error) failure = error;
      --left;
    });
  }
  while (left > 0)
    f.io.run_one();
  CHECK_FALSE(failure);
  CHECK(f.server.count("GET", "/v2/app/blobs/" + sha256(layer).str()) == 1);
  CHECK(f.target.started.size() == 1);
}

TEST_CASE("the pull goes with its client", "[registry]") {
  Fixture f;
  f.content.put_image({"a", "b"}, "latest");
  f.target.gate.reset();
  SECTION("its stream is closed") {
    // No layer is made before the client is seen to be gone: else the pull could be over by then.
    const ProgressSink broken = [&f](std::string) -> Task<> {
      f.target.gate.set();
      throw Error(ErrorKind::kCancelled, "the client went away");
      co_return;
    };
    CHECK_THROWS_WITH(test::run(f.io, f.puller().pull(f.request, broken)), "the client went away");
  }
  SECTION("its coroutine is cancelled") {
    asio::cancellation_signal signal;
    std::exception_ptr failure;
    bool done = false;
    asio::co_spawn(f.io, f.puller().pull(f.request, f.sink()),
                   asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr error) {
                     failure = error;
                     done = true;
                   }));
    while (f.target.started.empty())
      f.io.run_one();
    signal.emit(asio::cancellation_type::terminal);
    f.io.poll();          // it may be on its way to where it notices
    f.target.gate.set();  // a layer in the making is waited for
    while (!done)
      f.io.run_one();
    CHECK_THROWS_WITH(std::rethrow_exception(failure), Catch::Contains("was cancelled"));
  }
  CHECK(f.target.images.empty());
}

TEST_CASE("a cancelled pull does not take the download from another", "[registry]") {
  Fixture f;
  f.content.put_image({"layer"}, "latest");
  f.fault = [&](const FakeRequest& asked) -> std::optional<FakeAnswer> {
    if (asked.header("range").empty() &&
        asked.target.find("/blobs/" + sha256("layer").str()) != std::string::npos) {
      return FakeAnswer{200, {}, "layer", 2, false};  // resumed after the retry's wait
    }
    return std::nullopt;
  };
  f.options.retry_delay = std::chrono::milliseconds(200);
  asio::cancellation_signal signal;
  int done = 0;
  std::exception_ptr second_failure;
  asio::co_spawn(f.io, f.puller().pull(f.request, f.sink()),
                 asio::bind_cancellation_slot(signal.slot(), [&](std::exception_ptr) { ++done; }));
  asio::co_spawn(f.io, f.puller().pull(f.request, f.sink()), [&](std::exception_ptr error) {
    second_failure = error;
    ++done;
  });
  while (f.server.count("GET", "/v2/app/blobs/" + sha256("layer").str()) == 0)
    f.io.run_one();
  signal.emit(asio::cancellation_type::terminal);
  while (done < 2)
    f.io.run_one();
  CHECK_FALSE(second_failure);
  CHECK(f.target.images.size() == 1);
}

TEST_CASE("only so many downloads run at a time", "[registry]") {
  Fixture f;
  f.options.max_concurrent_downloads = 1;
  f.content.put_image({"a", "b", "c"}, "latest");
  f.pull();
  CHECK(f.has_status("Waiting " + label("b")));
  CHECK(f.has_status("Waiting " + label("c")));
  CHECK_FALSE(f.has_status("Waiting " + label("a")));
  CHECK(f.target.layers.size() == 3);
}

TEST_CASE("a mirror of Docker Hub gets no credentials", "[registry]") {
  Fixture f;
  f.content.put_image({"a"}, "latest");
  f.options.mirrors = {"http://" + f.server.address()};
  f.request.name = ImageReference::parse("docker.io/app/app");
  f.request.credentials.username = "ann";
  f.request.credentials.password = "pw";
  f.request.credentials.registry_token = "token";
  f.pull();
  CHECK(f.target.images.size() == 1);
  for (const FakeRequest& asked : f.server.requests())
    CHECK(asked.header("authorization").empty());
}

TEST_CASE("progress is drawn for clients that do not", "[registry]") {
  CHECK(progress_bar(0, 2048) ==
        "[>                                                  ]       0B/2.048kB");
  CHECK(progress_bar(1024, 2048) ==
        "[=========================>                         ]  1.024kB/2.048kB");
  CHECK(progress_bar(2048, 2048) ==
        "[==================================================>]  2.048kB/2.048kB");
  CHECK(progress_bar(5, 0) == "      5B");
}

TEST_CASE("a slow reader sees the last progress, not all of it", "[registry]") {
  asio::io_context io;
  ProgressQueue queue(io.get_executor());
  queue.progress("Downloading", "a", 1, 100);
  queue.progress("Downloading", "b", 2, 100);
  queue.progress("Downloading", "a", 50, 100);
  queue.layer("Download complete", "a");
  const std::string text = test::run(io, queue.take());
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
  CHECK(Json::parse(text.substr(0, text.find('\r')))["progressDetail"]["current"] == 50);
  queue.close();
  CHECK(test::run(io, queue.take()).empty());
}
