#include "daemon/registry/search.hpp"

#include <algorithm>
#include <optional>

#include <nlohmann/json.hpp>

#include "api/fields.hpp"

namespace berth::registry {

namespace {

/// Docker Hub answers searches elsewhere than pulls.
constexpr std::string_view kHubSearch = "https://index.docker.io";
constexpr std::size_t kMaxAnswer = std::size_t{4} << 20U;
/// Names of a catalogue that are asked for at a time, and how often.
constexpr std::size_t kPage = 100;
constexpr int kMaxPages = 100;

struct Question {
  std::string registry;
  std::string words;
};

/// "localhost:5000/tool" asks that registry for "tool".
Question parse_term(const std::string& term) {
  const std::size_t slash = term.find('/');
  const std::string first = term.substr(0, slash);
  const bool is_host = slash != std::string::npos &&
                       (first == "localhost" || first.find_first_of(".:") != std::string::npos);
  if (!is_host || first == kDockerHub) {
    return {std::string(kDockerHub), is_host ? term.substr(slash + 1) : term};
  }
  return {first, term.substr(slash + 1)};
}

std::vector<Endpoint> search_endpoints(const Options& options, const std::string& registry) {
  if (registry == kDockerHub) return {{parse_url(kHubSearch), true, false, registry}};
  return own_endpoints(options, registry);
}

/// What the search service finds; nothing when there is no such service.
Task<std::optional<std::vector<api::SearchResult>>> ask_service(Source& source,
                                                                const Endpoint& endpoint,
                                                                const Question& question,
                                                                std::size_t limit,
                                                                const Credentials& credentials) {
  Request request;
  request.url = endpoint.base;
  request.url.target =
      "/v1/search?q=" + encode_query(question.words) + "&n=" + std::to_string(limit);
  // A password goes only where nobody can read it.
  if (!credentials.username.empty() && (endpoint.base.tls || !endpoint.verify)) {
    request.headers.emplace_back("Authorization",
                                 basic_authorization(credentials.username, credentials.password));
  }
  Response response =
      co_await source.client.send(std::move(request), Trust{endpoint.verify, endpoint.name});
  if (response.status() == 404) co_return std::nullopt;
  if (response.status() >= 300) {
    const std::string what = "search in \"" + question.registry + "\"";
    std::rethrow_exception(co_await status_error(std::move(response), what));
  }
  const std::string body = co_await response.read_body(kMaxAnswer);
  auto answer = api::from_text<api::SearchAnswer>(body);
  answer.results.resize(std::min(answer.results.size(), limit));
  co_return std::move(answer.results);
}

/// One page of GET /v2/_catalog, the names after `last`; empty at the end.
Task<std::vector<std::string>> catalogue_page(Session& session, std::string last) {
  std::string path = "_catalog?n=" + std::to_string(kPage);
  if (!last.empty()) path += "&last=" + encode_query(last);
  Response response = co_await session.get(std::move(path), {});
  const std::string body = co_await response.read_body(kMaxAnswer);
  const auto json = nlohmann::json::parse(body, nullptr, false);
  std::vector<std::string> names;
  if (!json.is_object() || !json.contains("repositories")) co_return names;
  for (const auto& name : json["repositories"]) {
    if (name.is_string()) names.push_back(name.get<std::string>());
  }
  co_return names;
}

/// The repositories of a registry that has no search service.
Task<std::vector<api::SearchResult>> search_catalogue(std::shared_ptr<Source> source,
                                                      Question question, std::size_t limit,
                                                      Credentials credentials) {
  co_await connect(source, question.registry, Access{{}, std::move(credentials), false, {}});
  std::vector<api::SearchResult> results;
  std::string last;
  for (int page = 0; page < kMaxPages; ++page) {
    const std::vector<std::string> names = co_await catalogue_page(*source->session, last);
    for (const std::string& name : names) {
      if (name.find(question.words) == std::string::npos) continue;
      api::SearchResult result;
      result.name = name;
      results.push_back(std::move(result));
      if (results.size() == limit) co_return results;
    }
    if (names.size() < kPage) break;
    last = names.back();
  }
  co_return results;
}

}  // namespace

Task<std::vector<api::SearchResult>> search_registry(std::shared_ptr<Source> source,
                                                     std::string term, std::size_t limit,
                                                     Credentials credentials) {
  Question question = parse_term(term);
  const auto attempt = [&](const Endpoint& endpoint) {
    return ask_service(*source, endpoint, question, limit, credentials);
  };
  auto found = co_await try_endpoints<std::optional<std::vector<api::SearchResult>>>(
      search_endpoints(source->options, question.registry), attempt);
  if (found) co_return std::move(*found);
  co_return co_await search_catalogue(source, std::move(question), limit, std::move(credentials));
}

}  // namespace berth::registry
