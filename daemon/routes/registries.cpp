#include "daemon/routes/registries.hpp"

#include <algorithm>
#include <utility>

#include "api/auth.hpp"
#include "api/fields.hpp"
#include "api/registry.hpp"
#include "common/error.hpp"
#include "common/image_reference.hpp"
#include "common/text.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/routes/progress_stream.hpp"

namespace berth::routes {

namespace {

using http::Exchange;

registry::Credentials credentials_of(const Exchange& exchange) {
  return registry::parse_registry_auth(exchange.request().header("x-registry-auth"));
}

Task<> auth(registry::Queries& queries, Exchange& exchange) {
  const auto given = api::from_text<api::AuthConfig>(co_await exchange.read_json());
  registry::Credentials credentials{given.username, given.password, given.identity_token,
                                    given.registry_token};
  co_await queries.check_credentials(registry_of_address(given.server_address),
                                     std::move(credentials));
  co_await exchange.send_json(200, R"({"IdentityToken":"","Status":"Login Succeeded"})"
                                   "\n");
}

Task<> distribution(registry::Queries& queries, Exchange& exchange) {
  const ImageReference name = ImageReference::parse(exchange.parameter("name"));
  const auto answer = co_await queries.inspect(name, credentials_of(exchange));
  co_await exchange.send_json(200, api::to_text(answer) + "\n");
}

// ---- search

constexpr std::int64_t kDefaultLimit = 25;
constexpr std::int64_t kMaxLimit = 100;

bool truth_filter(std::string_view name, const std::vector<std::string>& values) {
  const std::string value = values.empty() ? "" : to_lower(values.front());
  if (const auto truth = parse_truth(value)) return *truth;
  throw Error(ErrorKind::kInvalidArgument,
              "invalid filter '" + std::string(name) + "=" + value + "': must be true or false");
}

/// Drops what the filters is-official, is-automated and stars do not let pass.
void apply_filters(std::vector<api::SearchResult>& results, const http::Filters& filters) {
  for (const auto& [name, values] : filters) {
    if (name == "is-official" || name == "is-automated") {
      const bool wanted = truth_filter(name, values);
      const auto member = name == "is-official" ? &api::SearchResult::is_official
                                                : &api::SearchResult::is_automated;
      std::erase_if(results,
                    [&](const api::SearchResult& result) { return result.*member != wanted; });
    } else if (name == "stars") {
      int least = 0;
      for (const std::string& value : values) {
        const auto number = parse_number<int>(value);
        if (!number) {
          throw Error(ErrorKind::kInvalidArgument,
                      "invalid filter 'stars=" + value + "': must be a whole number");
        }
        least = std::max(least, *number);
      }
      std::erase_if(results,
                    [&](const api::SearchResult& result) { return result.star_count < least; });
    } else {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid filter '" + name + "': must be is-automated, is-official or stars");
    }
  }
}

Task<> search(registry::Queries& queries, Exchange& exchange) {
  const http::Query& query = exchange.query();
  registry::SearchRequest request;
  request.term = query.text("term");
  if (request.term.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "the parameter term is missing: search for what?");
  }
  const std::int64_t limit = query.number("limit").value_or(kDefaultLimit);
  if (limit != 0 && (limit < 1 || limit > kMaxLimit)) {
    throw Error(ErrorKind::kInvalidArgument,
                "limit " + std::to_string(limit) + " is outside the range of [1, 100]");
  }
  request.limit = static_cast<std::size_t>(limit == 0 ? kDefaultLimit : limit);
  request.credentials = credentials_of(exchange);
  const http::Filters filters = query.filters();
  std::vector<api::SearchResult> none;
  apply_filters(none, filters);  // says what is wrong before the network is asked
  auto results = co_await queries.search(std::move(request));
  apply_filters(results, filters);
  co_await exchange.send_json(200, api::list_to_text(results) + "\n");
}

// ---- push

std::optional<registry::Platform> wanted_platform(const http::Query& query) {
  const std::string text = query.text("platform");
  if (text.empty()) return std::nullopt;
  const auto given = api::from_text<api::OciPlatform>(text);
  return registry::parse_platform(given.os + "/" + given.architecture +
                                  (given.variant.empty() ? "" : "/" + given.variant));
}

Task<> push(registry::Pusher& pusher, Exchange& exchange) {
  const http::Query& query = exchange.query();
  const ImageReference name = ImageReference::parse(exchange.parameter("name"));
  const std::string tag = query.text("tag");
  registry::PushRequest request{tag.empty() ? name : name.with_tag(tag), credentials_of(exchange),
                                wanted_platform(query)};
  co_await answer_progress(exchange, [&](ProgressSink sink) {
    return exchange.while_connected(pusher.push(std::move(request), std::move(sink)));
  });
}

}  // namespace

void add_registry_routes(http::Router& router, registry::Pusher& pusher,
                         registry::Queries& queries) {
  router.add("POST", "/auth", [&queries](Exchange& exchange) { return auth(queries, exchange); });
  router.add("GET", "/distribution/{name...}/json",
             [&queries](Exchange& exchange) { return distribution(queries, exchange); });
  router.add("GET", "/images/search",
             [&queries](Exchange& exchange) { return search(queries, exchange); });
  router.add("POST", "/images/{name...}/push",
             [&pusher](Exchange& exchange) { return push(pusher, exchange); });
}

}  // namespace berth::routes
