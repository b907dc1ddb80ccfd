#include <set>

#include "fixture.hpp"
#include "image_builder.hpp"
#include "pack.hpp"

using namespace berth;
using namespace berth::test;
namespace fs = std::filesystem;

namespace {

TestImage two_layers() {
  return {.layers = {one_file_layer("low", "below"),
                     TarBuilder().file("high", "above!").file(".wh.low", "").finish()}};
}

/// Nothing of any image is in the data root.
void check_empty(Daemon& daemon, const fs::path& root) {
  daemon.settle();
  CHECK(daemon.images().count() == 0);
  CHECK(names_in(root / "blobs/sha256").empty());
  CHECK(names_in(root / "blobs/incoming").empty());
  CHECK(names_in(root / "tmp").empty());
  CHECK(names_in(root / "layers/overlay2") ==
        std::set<std::string>{"drafts", "empty", "trash", "writable"});
  CHECK(names_in(root / "layers/overlay2/drafts").empty());
  CHECK(names_in(root / "layers/overlay2/trash").empty());
}

}  // namespace

TEST_CASE("an archive of docker save is loaded", "[load]") {
  const TemporaryFolder folder;
  const bool vfs = GENERATE(false, true);
  const TestImage image = two_layers();
  {
    Daemon daemon(folder.path(), vfs);
    const std::string stream = daemon.load(docker_archive(image, {"team/app:1", "app:latest"}));
    CHECK(stream ==
          "{\"stream\":\"Loaded image: team/app:1\\n\"}\n"
          "{\"stream\":\"Loaded image: app:latest\\n\"}\n");
    CHECK(daemon.events == std::vector<PublishedEvent>{{"load", image.id(), image.id()}});
  }
  Daemon daemon(folder.path(), vfs);  // all of it is there after a new start
  const auto resolved = daemon.images().resolve("app");
  CHECK(resolved.id.str() == image.id());
  CHECK(resolved.config.cmd == std::vector<std::string>{"sh"});
  REQUIRE(resolved.diff_ids.size() == 2);
  CHECK(resolved.diff_ids[0].str() == sha256(image.layers[0]).str());
  CHECK(daemon.driver().layer(resolved.top).size == 6);

  const auto inspect = daemon.images().inspect("team/app:1");
  CHECK(inspect.repo_tags == std::vector<std::string>{"app:latest", "team/app:1"});
  CHECK(inspect.repo_digests.empty());
  CHECK(inspect.architecture == "amd64");
  CHECK(inspect.created == "2024-01-02T03:04:05Z");
  CHECK(inspect.size == 11);
  CHECK(inspect.root_fs.layers.size() == 2);
  CHECK(inspect.graph_driver.name == (vfs ? "vfs" : "overlay2"));
  CHECK(inspect.metadata.last_tag_time > "2025");

  const auto history = daemon.await(daemon.images().history("app"));
  REQUIRE(history.size() == 3);
  CHECK(history[0].id == image.id());
  CHECK(history[0].created_by == "CMD");
  CHECK(history[0].size == 0);
  CHECK(history[1].size == 6);
  CHECK(history[2].id == "<missing>");
  CHECK(history[2].created == 1704164645);
}

TEST_CASE("layers lie in the store as the driver wants them", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  daemon.load(docker_archive(two_layers(), {"app:1"}));
  const auto resolved = daemon.images().resolve("app:1");
  const fs::path layers = folder.path() / "layers/overlay2";
  const fs::path top = layers / digest_hex(resolved.top.str()) / "diff";
  CHECK(read_file(top / "high") == "above!");
  CHECK(fs::is_character_file(top / "low"));
  const fs::path bottom = layers / digest_hex(resolved.diff_ids[0].str()) / "diff";
  CHECK(read_file(bottom / "low") == "below");
}

TEST_CASE("archives and their layers may be compressed", "[load]") {
  const TemporaryFolder folder;
  const auto outer = GENERATE(Packing::kNone, Packing::kGzip, Packing::kZstd, Packing::kXz);
  const auto inner =
      GENERATE(Packing::kNone, Packing::kGzip, Packing::kZstd, Packing::kXz, Packing::kBzip2);
  const TestImage image = two_layers();
  Daemon daemon(folder.path());
  const auto pack_layer = [&](const std::string& layer) { return pack(layer, inner); };
  const std::string stream =
      daemon.load(pack(oci_archive(image, "host.example/app:2", pack_layer), outer));
  CHECK(stream == "{\"stream\":\"Loaded image: host.example/app:2\\n\"}\n");
  const auto inspect = daemon.images().inspect("host.example/app:2");
  CHECK(inspect.id == image.id());
  REQUIRE(inspect.descriptor.has_value());
  CHECK(inspect.descriptor->media_type == "application/vnd.oci.image.manifest.v1+json");
}

TEST_CASE("an OCI layout without a name gives an image without one", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const auto plain = [](const std::string& layer) { return layer; };
  const TestImage image = two_layers();
  CHECK(daemon.load(oci_archive(image, "just-a-tag", plain)) ==
        "{\"stream\":\"Loaded image ID: " + image.id() + "\\n\"}\n");
  CHECK(daemon.images().resolve(image.id()).id.str() == image.id());
  CHECK(daemon.images().list({.filters = {{"dangling", {"true"}}}}).size() == 1);
}

TEST_CASE("layers shared by links of an old archive are found", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = two_layers();
  TarBuilder tar;
  tar.file("one/layer.tar", image.layers[0]).file("two/layer.tar", image.layers[1]);
  tar.symlink("three/layer.tar", "../one/layer.tar").file("c.json", image.document());
  tar.file("manifest.json",
           R"([{"Config":"c.json","RepoTags":null,"Layers":["three/layer.tar","two/layer.tar"]}])");
  daemon.load(tar.finish());
  CHECK(daemon.images().count() == 1);
}

TEST_CASE("loading again changes nothing, and a name moves with a new image", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage first = two_layers();
  daemon.load(docker_archive(first, {"app:1"}));
  const auto before = daemon.images().inspect("app:1");
  daemon.load(docker_archive(first, {"app:1"}));
  CHECK(daemon.images().inspect("app:1") == before);
  CHECK(daemon.images().count() == 1);

  TestImage second = first;
  second.config["Cmd"] = {"other"};
  const std::string stream = daemon.load(docker_archive(second, {"app:1"}));
  CHECK(stream.find("The image app:1 already exists, renaming the old one with ID " + first.id()) !=
        std::string::npos);
  CHECK(daemon.images().resolve("app:1").id.str() == second.id());
  CHECK(daemon.images().inspect(first.id()).repo_tags.empty());
}

TEST_CASE("two images may share layers, also within one archive", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage base{.layers = {one_file_layer("low", "below")}};
  daemon.load(docker_archive({{base, {"base:1"}}, {two_layers(), {"app:1"}}}));
  const auto list = daemon.images().list({.filters = {}, .shared_size = true});
  REQUIRE(list.size() == 2);
  for (const auto& summary : list)
    CHECK(summary.shared_size == 5);
  CHECK(names_in(folder.path() / "layers/overlay2").size() == 4 + 2);
}

TEST_CASE("a bad archive names what is wrong and leaves nothing", "[load]") {
  const TemporaryFolder folder;
  const TestImage image = two_layers();
  TestImage lie = image;
  const std::string whole = docker_archive(image, {"app:1"});
  const std::string lying = [&] {
    TarBuilder tar;
    tar.file("a", image.layers[0]).file("b", one_file_layer("high", "something else"));
    tar.file("c.json", image.document());
    return tar
        .file("manifest.json", R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":["a","b"]}])")
        .finish();
  }();
  struct Bad {
    std::string archive;
    std::string says;
  };
  const auto with_manifest = [](const std::string& manifest) {
    return TarBuilder().file("manifest.json", manifest).finish();
  };
  const auto with_config = [](const std::string& config, const std::string& more = {}) {
    return TarBuilder()
        .file("c.json", config)
        .raw(more)
        .file("manifest.json", R"([{"Config":"c.json","RepoTags":["app:1"],"Layers":[]}])")
        .finish();
  };
  const auto bad = GENERATE_COPY(from_range(std::vector<Bad>{
      {"", "empty"},
      {"this is no archive", "no tar archive"},
      {std::string(10240, '\0'), "neither the manifest.json"},
      {"\x1f\x8b" + std::string(100, '\0'), ""},
      {whole.substr(0, whole.size() / 2), ""},
      {whole.substr(0, 700), "ends in the middle"},
      {pack(whole, Packing::kGzip).substr(0, 200), ""},
      {with_manifest("["), "manifest.json"},
      {with_manifest("{}"), "manifest.json"},
      {with_manifest("[]"), "lists no image"},
      {with_manifest(R"([{"RepoTags":["x:1"]}])"), "Config"},
      {with_manifest(R"([{"Config":"missing.json","RepoTags":["x:1"],"Layers":[]}])"),
       "\"missing.json\""},
      {with_manifest(R"([{"Config":"../../etc/passwd","RepoTags":["x:1"],"Layers":[]}])"),
       "leads out"},
      {TarBuilder()
           .symlink("c", "/etc/passwd")
           .raw(with_manifest(R"([{"Config":"c","Layers":[]}])"))
           .finish(),
       "\"c\""},
      {TarBuilder()
           .symlink("c", "c")
           .raw(with_manifest(R"([{"Config":"c","Layers":[]}])"))
           .finish(),
       "\"c\""},
      {with_config("no json"), "configuration"},
      {with_config(R"({"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["md5:1"]}})"),
       "md5:1"},
      {with_config(R"({"os":"linux","architecture":"amd64","config":{"Cmd":5}})"), "config.Cmd"},
      {with_config(R"({"os":"linux"})"), "architecture"},
      {with_config(image.document()), "0 layers"},
      {lying, "the image's configuration says"},
      {docker_archive(image, {"UPPER:1"}), "lowercase"},
      {docker_archive(image, {"app"}), "no tag"},
  }));
  CAPTURE(bad.says);
  Daemon daemon(folder.path());
  const Error error = error_of([&] { daemon.load(bad.archive); });
  CHECK(error.kind() == ErrorKind::kInvalidArgument);
  CHECK(std::string(error.what()).find(bad.says) != std::string::npos);
  CHECK(daemon.events.empty());
  check_empty(daemon, folder.path());
}

TEST_CASE("a blob of an OCI layout must be what its name says", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = two_layers();
  std::string archive = oci_archive(image, "app:1", [](const std::string& layer) { return layer; });
  const auto at = archive.find("\"architecture\":\"amd64\"");
  REQUIRE(at != std::string::npos);
  archive[at + 17] = 'b';
  CHECK(std::string(error_of([&] { daemon.load(archive); }).what())
            .find("is not what its name says") != std::string::npos);
  check_empty(daemon, folder.path());
}

TEST_CASE("a client that goes away leaves nothing behind", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  image::Spool spool = daemon.await(daemon.images().make_spool());
  daemon.await(spool.append(docker_archive(two_layers(), {"app:1"})));
  auto sink = [](std::string) -> Task<> {
    throw Error(ErrorKind::kCancelled, "the client is gone");
    co_return;
  };
  CHECK(error_of([&] { daemon.await(daemon.images().load(spool.take(), false, sink)); }).kind() ==
        ErrorKind::kCancelled);
  daemon.settle();
  CHECK(names_in(folder.path() / "tmp").empty());
  CHECK(names_in(folder.path() / "layers/overlay2/drafts").empty());
}

TEST_CASE("two imports of one layer share the unpacking", "[load]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const std::string tar = one_file_layer("file", "x");
  int opened = 0;
  const auto import = [&] {
    image::LayerImport layer;
    layer.diff_id = DiffId(sha256(tar).str());
    layer.open = [&] {
      ++opened;
      return std::make_unique<TextReader>(tar);
    };
    return layer;
  };
  const auto both = [&]() -> Task<> {
    auto other = asio::co_spawn(co_await asio::this_coro::executor,
                                daemon.images().importer().add_layer(import()), asio::use_future);
    const auto mine = co_await daemon.images().importer().add_layer(import());
    CHECK(mine.chain().str() == sha256(tar).str());
  };
  daemon.await(both());
  CHECK(opened == 1);

  SECTION("and a failed one is tried again") {
    const std::string second = one_file_layer("file", "y");
    image::LayerImport wrong;
    wrong.diff_id = DiffId(sha256(second).str());
    wrong.open = [&] { return std::make_unique<TextReader>(tar); };
    CHECK_THROWS_AS(static_cast<void>(daemon.await(daemon.images().importer().add_layer(wrong))),
                    Error);
    image::LayerImport right = wrong;
    right.open = [&] { return std::make_unique<TextReader>(second); };
    CHECK(daemon.await(daemon.images().importer().add_layer(right)).chain().str() ==
          sha256(second).str());
  }

  SECTION("and one that was forgotten is unpacked anew") {
    daemon.driver().sweep();
    daemon.settle();
    CHECK_FALSE(daemon.driver().exists(ChainId(sha256(tar).str())));
    const auto again = daemon.await(daemon.images().importer().add_layer(import()));
    CHECK(opened == 2);
  }
}
