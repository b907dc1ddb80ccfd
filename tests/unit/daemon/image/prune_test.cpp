#include "fixture.hpp"
#include "image_builder.hpp"

using namespace berth;
using namespace berth::test;

namespace {

using Filters = std::map<std::string, std::vector<std::string>>;

class Users : public image::ImageUsers {
 public:
  std::vector<image::ImageUse> users_of(const image::ImageId& id) const override {
    if (id != image) return {};
    return {{std::string(64, 'c'), false}};
  }
  image::ImageId image;
};

std::set<std::string> untagged(const api::ImagesPruned& pruned) {
  std::set<std::string> names;
  for (const api::DeleteItem& item : pruned.deleted) {
    if (!item.untagged.empty()) names.insert(item.untagged);
  }
  return names;
}

}  // namespace

TEST_CASE("images that nobody needs go, and what they took is told", "[images]") {
  const TemporaryFolder folder;
  Daemon daemon(folder.path());
  const std::string shared = one_file_layer("shared", "12345");
  const TestImage used{.layers = {shared}};
  const TestImage named{.layers = {shared, one_file_layer("own", "123")}};
  const TestImage dangling{.layers = {one_file_layer("lost", "1234567")}};
  daemon.load(docker_archive({{used, {"used:1"}}, {named, {"one:1", "two:1"}}, {dangling, {}}}));
  Users users;
  users.image = image::ImageId(used.id());
  daemon.images().set_users(users);
  CHECK(daemon.images().layers_size() == 15);
  daemon.events.clear();
  const auto prune = [&](Filters filters) {
    return daemon.await(daemon.images().prune(std::move(filters)));
  };
  SECTION("of those without a tag") {
    const auto pruned = prune({});
    CHECK(pruned.space_reclaimed == 7);
    REQUIRE(pruned.deleted.size() == 2);
    CHECK(pruned.deleted.front().deleted == dangling.id());
    CHECK(daemon.images().count() == 2);
    CHECK(daemon.events.back().action == "prune");
    CHECK(prune({}).deleted.empty());
  }
  SECTION("of all") {
    const auto pruned = prune({{"dangling", {"false"}}});
    // The layer that the used image has, too, stays.
    CHECK(pruned.space_reclaimed == 10);
    CHECK(untagged(pruned) == std::set<std::string>{"one:1", "two:1"});
    CHECK(daemon.images().count() == 1);
    CHECK(daemon.images().layers_size() == 5);
  }
  SECTION("not of those that the filters leave out") {
    CHECK(prune({{"until", {"1000"}}}).deleted.empty());
    CHECK(prune({{"label", {"nosuch"}}}).deleted.empty());
    CHECK(prune({{"label!", {"nosuch"}}, {"dangling", {"1"}}}).space_reclaimed == 7);
  }
  SECTION("filters that cannot be used are refused") {
    for (const Filters& filters :
         {Filters{{"dangling", {"maybe"}}}, Filters{{"dangling", {"true", "false"}}},
          Filters{{"reference", {"x"}}}, Filters{{"until", {"soon"}}}}) {
      CHECK(error_of([&] { prune(filters); }).kind() == ErrorKind::kInvalidArgument);
    }
    CHECK(daemon.images().count() == 3);
  }
}
