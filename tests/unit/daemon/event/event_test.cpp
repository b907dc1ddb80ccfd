#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>

#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/event/bus.hpp"

using namespace berth;
using namespace berth::event;
using Wanted = std::map<std::string, std::vector<std::string>>;

namespace {

api::Event event_of(const std::string& type, const std::string& action, const std::string& id,
                    std::map<std::string, std::string> attributes = {}) {
  api::Event event;
  event.type = type;
  event.action = action;
  event.actor.id = id;
  event.actor.attributes = std::move(attributes);
  event.scope = "local";
  return event;
}

/// What a subscription has ready, without waiting for more.
std::vector<std::string> taken(asio::io_context& context, Subscription& subscription,
                               std::optional<Timestamp> until = now()) {
  const auto take = [&]() -> Task<std::vector<std::string>> {
    std::vector<std::string> actions;
    while (const auto event = co_await subscription.next(until))
      actions.push_back(event->action);
    co_return actions;
  };
  auto done = asio::co_spawn(context, take(), asio::use_future);
  context.restart();
  context.run();
  return done.get();
}

using Actions = std::vector<std::string>;

}  // namespace

TEST_CASE("each filter picks what it names", "[event]") {
  const api::Event start = event_of("container", "start", "c0ffee01",
                                    {{"name", "web"}, {"image", "nginx:1.25"}, {"tier", "front"}});
  const auto [filter, value, matches] = GENERATE(table<std::string, std::string, bool>(
      {{"type", "container", true},   {"type", "image", false},   {"event", "start", true},
       {"event", "sta", false},       {"container", "web", true}, {"container", "c0ffee01", true},
       {"container", "c0ff", true},   {"container", "we", true},  {"image", "nginx:1.25", true},
       {"image", "nginx", true},      {"image", "ngin", false},   {"label", "tier", true},
       {"container", "eb", false},    {"daemon", "w", false},     {"label", "tier=front", true},
       {"label", "tier=back", false}, {"label", "nosuch", false}, {"scope", "local", true},
       {"scope", "swarm", false},     {"volume", "web", false},   {"network", "web", false},
       {"daemon", "web", false},      {"node", "web", false},     {"plugin", "web", false}}));
  INFO(filter << "=" << value);
  CHECK(Filter({{filter, {value}}}).matches(start) == matches);
}

TEST_CASE("values of a name are alternatives, names and labels are all needed", "[event]") {
  const api::Event die = event_of("container", "die", "abc", {{"a", "1"}, {"b", "2"}});
  CHECK(Filter().matches(die));
  CHECK(Filter({{"event", {}}}).matches(die));
  CHECK(Filter({{"event", {"start", "die"}}}).matches(die));
  CHECK_FALSE(Filter({{"event", {"die"}}, {"type", {"image"}}}).matches(die));
  CHECK(Filter({{"label", {"a", "b=2"}}}).matches(die));
  CHECK_FALSE(Filter({{"label", {"a", "c"}}}).matches(die));
}

TEST_CASE("actions with details are meant by their verb", "[event]") {
  const api::Event exec = event_of("container", "exec_create: sh -c true", "abc");
  CHECK(Filter({{"event", {"exec_create"}}}).matches(exec));
  CHECK_FALSE(Filter({{"event", {"exec"}}}).matches(exec));
}

TEST_CASE("an image is meant by its id, its name and its repository", "[event]") {
  const api::Event tag =
      event_of("image", "tag", "sha256:0123", {{"name", "registry:5000/tool:v2"}});
  CHECK(Filter({{"image", {"registry:5000/tool:v2"}}}).matches(tag));
  CHECK(Filter({{"image", {"registry:5000/tool"}}}).matches(tag));
  CHECK(Filter({{"image", {"sha256:0123"}}}).matches(tag));
  CHECK_FALSE(Filter({{"image", {"tool"}}}).matches(tag));
}

TEST_CASE("a filter that the API does not know is refused by name", "[event]") {
  try {
    Filter(Wanted{{"colour", {"red"}}});
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kInvalidArgument);
    CHECK(std::string(error.what()) == "invalid filter 'colour'");
  }
}

TEST_CASE("an event has the API's fields, old ones too", "[event]") {
  asio::io_context context(1);
  Bus bus(context.get_executor());
  const auto subscription = bus.subscribe(Filter(), {});
  const Timestamp before = now();
  bus.publish("container", "start", "abc", {{"image", "busybox"}, {"name", "x"}});
  const auto next = [&]() -> Task<api::Event> {
    co_return (co_await subscription->next(std::nullopt)).value();
  };
  auto done = asio::co_spawn(context, next(), asio::use_future);
  context.run();
  const api::Event event = done.get();
  CHECK(event.scope == "local");
  CHECK(event.time_nano >= before.time_since_epoch().count());
  CHECK(event.time == event.time_nano / 1'000'000'000);
  const std::string text = api::to_text(event);
  CHECK_THAT(text, Catch::Matchers::StartsWith(
                       R"({"status":"start","id":"abc","from":"busybox","Type":"container",)"
                       R"("Action":"start","Actor":{"ID":"abc","Attributes":{"image":"busybox",)"
                       R"("name":"x"}},"scope":"local","time":)"));
}

TEST_CASE("listeners get what comes after them, in order, by their filter", "[event]") {
  asio::io_context context(1);
  Bus bus(context.get_executor());
  bus.publish("container", "early", "a", {});
  const auto all = bus.subscribe(Filter(), {});
  const auto images = bus.subscribe(Filter({{"type", {"image"}}}), {});
  bus.publish("container", "create", "a", {});
  bus.publish("image", "tag", "i", {});
  bus.publish("container", "start", "a", {});
  CHECK(taken(context, *all) == Actions{"create", "tag", "start"});
  CHECK(taken(context, *images) == Actions{"tag"});
}

TEST_CASE("since reaches back, until ends", "[event]") {
  asio::io_context context(1);
  Bus bus(context.get_executor());
  bus.publish("container", "one", "a", {});
  const Timestamp middle = now();
  bus.publish("container", "two", "a", {});
  CHECK(taken(context, *bus.subscribe(Filter(), Timestamp{})) == Actions{"one", "two"});
  CHECK(taken(context, *bus.subscribe(Filter(), middle)) == Actions{"two"});
  CHECK(taken(context, *bus.subscribe(Filter(), Timestamp{}), middle) == Actions{"one"});
  CHECK(taken(context, *bus.subscribe(Filter(), now())).empty());
}

TEST_CASE("the past is bounded and keeps the newest", "[event]") {
  asio::io_context context(1);
  Bus bus(context.get_executor());
  for (int i = 0; i < 5000; ++i)
    bus.publish("container", std::to_string(i), "a", {});
  const Actions past = taken(context, *bus.subscribe(Filter(), Timestamp{}));
  CHECK(past.size() >= 256);
  CHECK(past.size() <= 2048);
  CHECK(past.back() == "4999");
}

TEST_CASE("a listener that does not read is cut off behind what it has, others are not",
          "[event]") {
  asio::io_context context(1);
  Bus bus(context.get_executor());
  const auto slow = bus.subscribe(Filter(), {});
  const auto other = bus.subscribe(Filter({{"event", {"last"}}}), {});
  for (int i = 0; i < 20000; ++i)
    bus.publish("container", "noise", "a", {});
  bus.publish("container", "last", "a", {});
  CHECK(taken(context, *other) == Actions{"last"});
  try {
    taken(context, *slow);
    FAIL("the slow listener was not cut off");
  } catch (const Error& error) {
    CHECK(error.kind() == ErrorKind::kUnavailable);
  }
}

TEST_CASE("waiting ends with the event, and with the time", "[event]") {
  asio::io_context context(1);
  Bus bus(context.get_executor());
  const auto subscription = bus.subscribe(Filter(), {});
  const auto wait = [&](std::optional<Timestamp> until) -> Task<bool> {
    co_return (co_await subscription->next(until)).has_value();
  };
  auto arrives = asio::co_spawn(context, wait(std::nullopt), asio::use_future);
  asio::post(context, [&] { bus.publish("container", "x", "a", {}); });
  context.run();
  CHECK(arrives.get());
  auto ends = asio::co_spawn(context, wait(now() + std::chrono::milliseconds(5)), asio::use_future);
  context.restart();
  context.run();
  CHECK_FALSE(ends.get());
}
