#include "fixture.hpp"
#include "image_builder.hpp"

using namespace berth;
using namespace berth::test;
namespace fs = std::filesystem;

namespace {

using Names = std::vector<std::string>;

class Users : public image::ImageUsers {
 public:
  std::vector<image::ImageUse> users_of(const image::ImageId& id) const override {
    return id == image ? uses : std::vector<image::ImageUse>();
  }
  image::ImageId image;
  std::vector<image::ImageUse> uses;
};

TestImage image_of(const std::string& text, const std::string& created = "2024-01-02T03:04:05Z") {
  return {.layers = {one_file_layer("file", text)}, .created = created};
}

std::vector<std::pair<std::string, std::string>> remove(Daemon& daemon, const std::string& name,
                                                        bool force = false) {
  std::vector<std::pair<std::string, std::string>> items;
  image::RemoveRequest request;
  request.name = name;
  request.force = force;
  for (const auto& item : daemon.await(daemon.images().remove(std::move(request)))) {
    items.emplace_back(item.untagged.empty() ? "deleted" : "untagged",
                       item.untagged + item.deleted);
  }
  return items;
}

Names tags_of(const std::vector<api::ImageSummary>& list) {
  Names tags;
  for (const auto& summary : list)
    tags.insert(tags.end(), summary.repo_tags.begin(), summary.repo_tags.end());
  return tags;
}

}  // namespace

TEST_CASE("images are found by every name that they have", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = image_of("x");
  daemon.load(docker_archive(image, {"app:latest", "host:5000/team/app:2"}));
  const std::string hex = image.id().substr(7);
  for (const std::string& name :
       {std::string("app"), std::string("app:latest"), std::string("docker.io/library/app"),
        std::string("library/app:latest"), std::string("host:5000/team/app:2"), image.id(), hex,
        hex.substr(0, 12), hex.substr(0, 1), "sha256:" + hex.substr(0, 12)}) {
    CAPTURE(name);
    CHECK(daemon.images().resolve(name).id.str() == image.id());
  }
  for (const auto& [asked, shown] : std::vector<std::pair<std::string, std::string>>{
           {"nosuch", "No such image: nosuch:latest"},
           {"docker.io/library/nosuch:2", "No such image: nosuch:2"},
           {"host:5000/team/app", "No such image: host:5000/team/app:latest"},
           {"sha256:" + std::string(64, '0'), "No such image: sha256:" + std::string(64, '0')},
           {"app@sha256:" + std::string(64, '0'),
            "No such image: app@sha256:" + std::string(64, '0')},
           {std::string(64, '0'), "No such image: " + std::string(64, '0')}}) {
    const Error error = error_of([&, &name = asked] { daemon.images().resolve(name); });
    CHECK(error.kind() == ErrorKind::kNotFound);
    CHECK(error.what() == shown);
  }
  CHECK(error_of([&] { daemon.images().resolve("UPPER"); }).kind() == ErrorKind::kInvalidArgument);
  CHECK(error_of([&] { daemon.images().resolve(""); }).kind() == ErrorKind::kInvalidArgument);
}

TEST_CASE("the beginning of several ids is ambiguous, and a name comes before an id", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  std::map<char, std::vector<TestImage>> by_first;
  std::vector<std::pair<TestImage, std::vector<std::string>>> all;
  // Seventeen ids cannot all begin with different digits.
  for (int number = 0; number < 17; ++number) {
    const TestImage image = image_of(std::to_string(number));
    by_first[image.id()[7]].push_back(image);
    all.emplace_back(image, std::vector<std::string>{});
  }
  daemon.load(docker_archive(all));
  const auto twice = std::find_if(by_first.begin(), by_first.end(),
                                  [](const auto& item) { return item.second.size() > 1; });
  REQUIRE(twice != by_first.end());
  const std::string digit(1, twice->first);
  const Error error = error_of([&] { daemon.images().resolve(digit); });
  CHECK(error.kind() == ErrorKind::kConflict);
  CHECK(std::string(error.what()).find("ambiguous") != std::string::npos);
  const std::string target = all.front().first.id();
  daemon.await(daemon.images().tag(target, digit, ""));
  CHECK(daemon.images().resolve(digit).id.str() == target);
}

TEST_CASE("tags are given, moved and kept", "[images]") {
  const TemporaryFolder folder;
  const TestImage first = image_of("1");
  const TestImage second = image_of("2");
  {
    Daemon daemon(folder.path());
    daemon.load(docker_archive({{first, {"one:1"}}, {second, {"two:1"}}}));
    daemon.events.clear();
    daemon.await(daemon.images().tag("one:1", "host/name", "v1"));
    daemon.await(daemon.images().tag(first.id().substr(7, 12), "moving", ""));
    daemon.await(daemon.images().tag("two:1", "moving", "latest"));
    CHECK(daemon.events == std::vector<PublishedEvent>{{"tag", first.id(), "host/name:v1"},
                                                       {"tag", first.id(), "moving:latest"},
                                                       {"tag", second.id(), "moving:latest"}});
    for (const auto& [repository, tag] : std::vector<std::pair<std::string, std::string>>{
             {"UPPER", ""},
             {"x", "a b"},
             {"", ""},
             {"x", std::string(200, 'y')},
             {"x@sha256:" + std::string(64, 'a'), ""}}) {
      const Error error = error_of(
          [&, &to = repository, &as = tag] { daemon.await(daemon.images().tag("one:1", to, as)); });
      CHECK(error.kind() == ErrorKind::kInvalidArgument);
    }
    CHECK(error_of([&] { daemon.await(daemon.images().tag("nosuch", "x", "")); }).kind() ==
          ErrorKind::kNotFound);
  }
  Daemon daemon(folder.path());
  CHECK(daemon.images().inspect(first.id()).repo_tags == Names{"host/name:v1", "one:1"});
  CHECK(daemon.images().inspect(second.id()).repo_tags == Names{"moving:latest", "two:1"});
}

TEST_CASE("the list is filtered", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  TestImage old = image_of("old", "2020-01-01T00:00:00Z");
  old.config["Labels"] = {{"stage", "test"}, {"empty", ""}};
  const TestImage young = image_of("young", "2024-01-01T00:00:00Z");
  const TestImage nameless = image_of("nameless", "2022-01-01T00:00:00Z");
  daemon.load(
      docker_archive({{old, {"old:1", "team/old:2"}}, {young, {"young:1"}}, {nameless, {}}}));
  const auto tags = [&](const std::string& filter, const Names& values) {
    return tags_of(daemon.images().list({.filters = {{filter, values}}}));
  };
  CHECK(tags_of(daemon.images().list({})) == Names{"young:1", "old:1", "team/old:2"});
  CHECK(daemon.images().list({}).size() == 3);
  CHECK(tags("reference", {"old"}) == Names{"old:1"});
  CHECK(tags("reference", {"*:1"}) == Names{"young:1", "old:1"});
  CHECK(tags("reference", {"*/*"}) == Names{"team/old:2"});
  CHECK(tags("reference", {"young:1", "team/old"}) == Names{"young:1", "team/old:2"});
  CHECK(tags("reference", {"nosuch"}).empty());
  CHECK(tags("label", {"stage"}) == Names{"old:1", "team/old:2"});
  CHECK(tags("label", {"stage=test", "empty="}) == Names{"old:1", "team/old:2"});
  CHECK(tags("label", {"stage=live"}).empty());
  CHECK(daemon.images().list({.filters = {{"dangling", {"true"}}}}).size() == 1);
  CHECK(tags("dangling", {"false"}).size() == 3);
}

TEST_CASE("filters that stand on another image name it", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage old = image_of("old", "2020-01-01T00:00:00Z");
  const TestImage young = image_of("young", "2024-01-01T00:00:00Z");
  daemon.load(docker_archive({{old, {"old:1"}}, {young, {"young:1"}}}));
  const auto tags = [&](const std::string& filter, const std::string& value) {
    return tags_of(daemon.images().list({.filters = {{filter, {value}}}}));
  };
  CHECK(tags("before", "young:1") == Names{"old:1"});
  CHECK(tags("since", "old:1") == Names{"young:1"});
  CHECK(tags("until", "2021-01-01T00:00:00Z") == Names{"old:1"});
  CHECK(error_of([&] { tags("before", "nosuch"); }).kind() == ErrorKind::kNotFound);
  CHECK(error_of([&] { tags("colour", "red"); }).kind() == ErrorKind::kInvalidArgument);
  CHECK(error_of([&] { tags("dangling", "maybe"); }).kind() == ErrorKind::kInvalidArgument);
}

TEST_CASE("an image goes with its last name, and its layers with the last image", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = image_of("x");
  TestImage sibling = image;
  sibling.config["Cmd"] = {"other"};
  daemon.load(docker_archive({{image, {"app:1", "app:2"}}, {sibling, {"sibling:1"}}}));
  const std::string chain = sha256(image.layers[0]).str();
  using Items = std::vector<std::pair<std::string, std::string>>;
  daemon.events.clear();
  CHECK(remove(daemon, "app:1") == Items{{"untagged", "app:1"}});
  CHECK(remove(daemon, "app:2") == Items{{"untagged", "app:2"}, {"deleted", image.id()}});
  CHECK(daemon.events == std::vector<PublishedEvent>{{"untag", image.id(), image.id()},
                                                     {"untag", image.id(), image.id()},
                                                     {"delete", image.id(), image.id()}});
  CHECK(error_of([&] { remove(daemon, "app:2"); }).kind() == ErrorKind::kNotFound);
  CHECK(daemon.driver().exists(ChainId(chain)));
  CHECK(remove(daemon, "sibling:1") ==
        Items{{"untagged", "sibling:1"}, {"deleted", sibling.id()}, {"deleted", chain}});
  daemon.settle();
  CHECK(names_in(folder.path() / "blobs/sha256").empty());
  CHECK(names_in(folder.path() / "layers/overlay2").size() == 4);
  CHECK(names_in(folder.path() / "layers/overlay2/trash").empty());
}

TEST_CASE("removal by id wants all names to be of one repository", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = image_of("x");
  daemon.load(docker_archive(image, {"app:1", "other:1"}));
  const std::string short_id = image.id().substr(7, 12);
  const Error error = error_of([&] { remove(daemon, short_id); });
  CHECK(error.kind() == ErrorKind::kConflict);
  CHECK(error.what() == "conflict: unable to delete " + short_id +
                            " (must be forced) - image is referenced in multiple repositories");
  CHECK(remove(daemon, short_id, true).size() == 4);
  CHECK(daemon.images().count() == 0);
}

TEST_CASE("digests go with the last tag of their repository", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = image_of("x");
  daemon.load(docker_archive(image, {"app:1"}));
  image::ImageImport import;
  import.config = image.document();
  import.manifest = "{}";
  import.manifest_type = "application/vnd.oci.image.manifest.v1+json";
  import.names = {ImageReference::parse("app").with_digest(sha256("{}"))};
  const auto imported = daemon.await(daemon.images().importer().add_image(import));
  CHECK_FALSE(imported.created);
  CHECK(imported.renamed);
  const std::string digest = "app@" + sha256("{}").str();
  CHECK(daemon.images().inspect("app:1").repo_digests == Names{digest});
  CHECK(daemon.images().resolve(digest).id.str() == image.id());
  CHECK(names_in(folder.path() / "blobs/sha256").size() == 2);
  SECTION("and the manifest with the last digest") {
    CHECK(remove(daemon, digest).size() == 1);
    CHECK(names_in(folder.path() / "blobs/sha256").size() == 1);
    CHECK_FALSE(daemon.images().inspect("app:1").descriptor.has_value());
    return;
  }
  const auto items = remove(daemon, "app:1");
  REQUIRE(items.size() == 4);
  CHECK(items[1].second == digest);
  CHECK(daemon.images().count() == 0);
}

TEST_CASE("containers keep their image", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const TestImage image = image_of("x");
  daemon.load(docker_archive(image, {"app:1"}));
  const std::string short_image = image.id().substr(7, 12);
  Users users;
  users.image = image::ImageId(image.id());
  users.uses = {{std::string(64, 'c'), false}};
  daemon.images().set_users(users);
  const auto message = [&](const std::string& name, bool force) {
    const Error error = error_of([&] { remove(daemon, name, force); });
    CHECK(error.kind() == ErrorKind::kConflict);
    return std::string(error.what());
  };
  CHECK(message("app:1", false) ==
        "conflict: unable to remove repository reference \"app:1\" (must force) - container "
        "cccccccccccc is using its referenced image " +
            short_image);
  CHECK(message(short_image, false) ==
        "conflict: unable to delete " + short_image +
            " (must be forced) - image is being used by stopped container cccccccccccc");

  SECTION("a second name may go") {
    daemon.await(daemon.images().tag("app:1", "second", ""));
    CHECK(remove(daemon, "second").size() == 1);
  }
  SECTION("a running one always") {
    users.uses.front().running = true;
    CHECK(message(short_image, true) ==
          "conflict: unable to delete " + short_image +
              " (cannot be forced) - image is being used by running container cccccccccccc");
    CHECK(remove(daemon, "app:1", true).size() == 1);  // the name alone
    CHECK(daemon.images().count() == 1);
    CHECK(daemon.images().inspect(image.id()).repo_tags.empty());
  }
  SECTION("a stopped one unless forced, and then it keeps the layers") {
    const ContainerId container(std::string(64, 'c'));
    daemon.await(daemon.driver().create_writable(container, daemon.images().resolve("app:1").top));
    CHECK(remove(daemon, "app:1", true).size() == 2);
    CHECK(daemon.images().count() == 0);
    CHECK_NOTHROW(daemon.driver().rootfs(container));
    daemon.await(daemon.driver().remove_writable(container));
    daemon.settle();
    CHECK(names_in(folder.path() / "layers/overlay2").size() == 4);
  }
}

TEST_CASE("an image whose files are damaged is left out and does no harm", "[images]") {
  const TemporaryFolder folder;
  const TestImage broken = image_of("broken");
  const TestImage good = image_of("good");
  {
    Daemon daemon(folder.path());
    daemon.load(docker_archive({{broken, {"broken:1"}}, {good, {"good:1"}}}));
  }
  const bool config = GENERATE(true, false);
  if (config) {
    const Fd file =
        open_file(folder.path() / "blobs/sha256" / broken.id().substr(7), O_WRONLY | O_TRUNC);
    write_all(file.get(), "{}", "blob");
  } else {
    fs::remove_all(folder.path() / "layers/overlay2" / sha256(broken.layers[0]).str().substr(7));
  }
  Daemon daemon(folder.path());
  CHECK(daemon.images().count() == 1);
  CHECK(daemon.images().resolve("good:1").id.str() == good.id());
  CHECK(error_of([&] { daemon.images().resolve("broken:1"); }).kind() == ErrorKind::kNotFound);
  daemon.load(docker_archive(broken, {"broken:1"}));
  CHECK(daemon.images().resolve("broken:1").id.str() == broken.id());
}

TEST_CASE("what a killed load left is cleared at the next start", "[images]") {
  const TemporaryFolder folder;
  {
    Daemon daemon(folder.path());
    const TestImage image = image_of("x");
    image::LayerImport layer;
    layer.diff_id = DiffId(sha256(image.layers[0]).str());
    layer.open = [&] { return std::make_unique<TextReader>(image.layers[0]); };
    static_cast<void>(daemon.await(daemon.images().importer().add_layer(layer)));
    image::BlobStore(folder.path()).put("a blob without an image");
    write_file_atomic(folder.path() / "blobs/incoming/half", "x", 0600);
  }
  CHECK(names_in(folder.path() / "blobs/sha256").size() == 1);
  const Daemon daemon(folder.path());
  CHECK(names_in(folder.path() / "blobs/sha256").empty());
  CHECK(names_in(folder.path() / "blobs/incoming").empty());
  CHECK(names_in(folder.path() / "layers/overlay2").size() == 4);
}

TEST_CASE("blobs are kept when they are what was expected", "[images]") {
  const TemporaryFolder folder;
  const image::BlobStore store(folder.path());
  const auto write = [&](std::optional<Digest> digest, std::optional<std::uint64_t> size) {
    auto writer = store.begin();
    for (const std::string part : {"con", "tent"})
      writer.append(std::as_bytes(std::span(part)));
    return writer.commit(digest, size);
  };
  CHECK(error_of([&] { write(sha256("other"), 7); }).kind() == ErrorKind::kInvalidArgument);
  CHECK(error_of([&] { write(sha256("content"), 8); }).kind() == ErrorKind::kInvalidArgument);
  {
    auto dropped = store.begin();
  }
  CHECK(names_in(folder.path() / "blobs/sha256").empty());
  CHECK(names_in(folder.path() / "blobs/incoming").empty());
  const Digest digest = write(sha256("content"), 7);
  CHECK(store.read(digest) == "content");
  CHECK(store.put("content") == digest);
  store.remove(digest);
  store.remove(digest);
  CHECK(error_of([&] { store.read(digest); }).kind() == ErrorKind::kNotFound);
}
