#include "daemon/registry/http_client.hpp"

#include <algorithm>
#include <optional>

#include "daemon/registry/connection.hpp"

namespace berth::registry {

namespace {

/// Kept open a host between requests.
constexpr std::size_t kMaxIdle = 4;

void check_header_value(const std::string& name, const std::string& value) {
  const bool clean = std::none_of(value.begin(), value.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 127;
  });
  if (!clean) {
    throw Error(ErrorKind::kInvalidArgument,
                "control characters in the value for HTTP header \"" + name + "\"");
  }
}

}  // namespace

struct HttpClient::State {
  State(asio::any_io_executor where, const Options& given) : executor(where), options(given) {}

  asio::any_io_executor executor;
  Options options;
  std::map<std::string, std::vector<std::unique_ptr<Connection>>> idle;
  std::map<std::string, std::shared_ptr<asio::ssl::context>> contexts;

  std::shared_ptr<asio::ssl::context> context(const Trust& trust) {
    auto& context = contexts[(trust.verify ? "+" : "-") + trust.name];
    if (!context) {
      // The name is a host and perhaps a port: it was parsed as such, so no '/' or ".." is in it.
      context = make_tls_context(options.certificates / trust.name, trust.verify);
    }
    return context;
  }
};

struct Response::State {
  std::unique_ptr<Connection> connection;
  std::weak_ptr<HttpClient::State> client;
  std::string key;
  std::unique_ptr<ResponseParser> parser;

  void give_back() {
    if (!connection || !parser->is_done() || !parser->keep_alive()) return;
    const auto owner = client.lock();
    if (!owner) return;
    auto& idle = owner->idle[key];
    if (idle.size() < kMaxIdle) idle.push_back(std::move(connection));
    connection.reset();
  }
};

Response::Response(std::unique_ptr<State> state) : state_(std::move(state)) {}
Response::Response(Response&&) noexcept = default;
Response& Response::operator=(Response&&) noexcept = default;
Response::~Response() = default;

unsigned Response::status() const {
  return state_->parser->get().result_int();
}

std::string Response::header(std::string_view name) const {
  const auto& fields = state_->parser->get();
  const auto found = fields.find(beast::string_view(name.data(), name.size()));
  return found == fields.end() ? std::string() : std::string(found->value());
}

std::vector<std::string> Response::headers(std::string_view name) const {
  std::vector<std::string> values;
  const auto range =
      state_->parser->get().equal_range(beast::string_view(name.data(), name.size()));
  for (auto field = range.first; field != range.second; ++field)
    values.emplace_back(field->value());
  return values;
}

Task<std::size_t> Response::read_some(std::span<std::byte> buffer) {
  State& state = *state_;
  while (!state.parser->is_done()) {
    auto& body = state.parser->get().body();
    body.data = buffer.data();
    body.size = buffer.size();
    body.more = true;
    co_await state.connection->read_body_some(*state.parser);
    const std::size_t count = buffer.size() - body.size;
    if (count > 0) co_return count;
  }
  state.give_back();
  co_return 0;
}

Task<std::string> Response::read_body(std::size_t limit) {
  std::string text;
  std::vector<std::byte> chunk(std::size_t{16} << 10U);
  for (;;) {
    const std::size_t count = co_await read_some(chunk);
    if (count == 0) co_return text;
    if (text.size() + count > limit) {
      throw Error(ErrorKind::kTooLarge,
                  "the answer is larger than " + std::to_string(limit) + " bytes");
    }
    text.append(reinterpret_cast<const char*>(chunk.data()), count);
  }
}

HttpClient::HttpClient(asio::any_io_executor executor, const Options& options)
    : state_(std::make_shared<State>(std::move(executor), options)) {}
HttpClient::~HttpClient() = default;

asio::any_io_executor HttpClient::executor() const {
  return state_->executor;
}

namespace {

template <typename Message>
Message make_head(const Request& request, const Connection& connection,
                  const std::string& user_agent) {
  Message message;
  message.version(11);
  message.method_string(request.method);
  message.target(connection.through_http_proxy() ? request.url.str() : request.url.target);
  message.set(http::field::host, request.url.authority());
  message.set(http::field::user_agent, user_agent);
  message.set(http::field::accept_encoding, "identity");
  for (const auto& [name, value] : request.headers) {
    check_header_value(name, value);
    message.insert(name, value);
  }
  if (connection.through_http_proxy() && !connection.proxy_authorization().empty()) {
    message.set(http::field::proxy_authorization, connection.proxy_authorization());
  }
  return message;
}

/// Returns why not all of the body was sent: a server that refuses may say so before it has read
/// everything, and its answer is worth more than that.
Task<std::exception_ptr> send_stream(Connection& connection, const Request& request,
                                     const std::string& user_agent) {
  auto head = make_head<RequestHead>(request, connection, user_agent);
  const auto size = request.stream->size();
  if (size) {
    head.content_length(*size);
  } else {
    head.chunked(true);
  }
  try {
    co_await connection.write(head, *request.stream);
  } catch (const NetworkError&) {
    co_return std::current_exception();
  }
  co_return nullptr;
}

Task<std::unique_ptr<ResponseParser>> exchange(Connection& connection, const Request& request,
                                               const std::string& user_agent) {
  std::exception_ptr cut;
  if (request.stream) {
    cut = co_await send_stream(connection, request, user_agent);
  } else {
    auto message = make_head<RequestMessage>(request, connection, user_agent);
    message.body() = request.body;
    message.prepare_payload();
    co_await connection.write(message);
  }
  auto parser = std::make_unique<ResponseParser>();
  if (request.method == "HEAD") parser->skip(true);
  try {
    co_await connection.read_head(*parser);
  } catch (const NetworkError&) {
    if (cut) std::rethrow_exception(cut);
    throw;
  }
  if (cut && parser->get().result_int() < 400) std::rethrow_exception(cut);
  co_return parser;
}

}  // namespace

Task<Response> HttpClient::send(Request request, Trust trust) {
  const auto state = state_;
  const std::string key = (request.url.tls ? "s " : "p ") + request.url.authority() + " " +
                          (trust.verify ? "+" : "-") + trust.name;
  auto result = std::make_unique<Response::State>();
  result->client = state;
  result->key = key;
  // A kept connection may have been closed by the peer in the meantime: then the next one is tried.
  auto& idle = state->idle[key];
  while (!idle.empty() && !result->parser) {
    result->connection = std::move(idle.back());
    idle.pop_back();
    try {
      result->parser = co_await exchange(*result->connection, request, state->options.user_agent);
    } catch (const NetworkError&) {
      result->connection.reset();
      if (request.stream) throw;  // some of it may be gone
    }
  }
  if (!result->parser) {
    result->connection = std::make_unique<Connection>(state->executor, request.url);
    std::shared_ptr<asio::ssl::context> tls;
    if (request.url.tls) tls = state->context(trust);
    co_await result->connection->open(proxy_for(state->options.proxies, request.url),
                                      std::move(tls), trust.verify);
    result->parser = co_await exchange(*result->connection, request, state->options.user_agent);
  }
  co_return Response(std::move(result));
}

}  // namespace berth::registry
