#include "fake_server.hpp"

#include <algorithm>

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "common/text.hpp"

namespace berth::test {

namespace {

namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

FakeRequest convert(const http::request<http::string_body>& message) {
  FakeRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  request.body = message.body();
  for (const auto& field : message)
    request.headers.emplace(to_lower(std::string_view(field.name_string())),
                            std::string(field.value()));
  return request;
}

std::string serialise(const FakeAnswer& answer, bool with_body) {
  std::string text = "HTTP/1.1 " + std::to_string(answer.status) +
                     " x\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
  for (const auto& [name, value] : answer.headers)
    text.append(name).append(": ").append(value).append("\r\n");
  text += "\r\n";
  if (with_body) text += answer.body.substr(0, answer.cut_after.value_or(answer.body.size()));
  return text;
}

}  // namespace

struct FakeServer::State {
  State(asio::io_context& io, Handler given)
      : acceptor(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)),
        handler(std::move(given)) {}

  tcp::acceptor acceptor;
  Handler handler;
  std::vector<FakeRequest> requests;
  std::size_t connections = 0;

  static Task<> accept(std::shared_ptr<State> state);
  static Task<> serve(std::shared_ptr<State> state, tcp::socket socket);
};

Task<> FakeServer::State::accept(std::shared_ptr<State> state) {
  for (;;) {
    error_code error;
    tcp::socket socket =
        co_await state->acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    ++state->connections;
    const auto executor = socket.get_executor();
    asio::co_spawn(executor, serve(state, std::move(socket)), asio::detached);
  }
}

Task<> FakeServer::State::serve(std::shared_ptr<State> state, tcp::socket socket) {
  boost::beast::flat_buffer buffer;
  for (;;) {
    http::request<http::string_body> message;
    error_code error;
    co_await http::async_read(socket, buffer, message,
                              asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    state->requests.push_back(convert(message));
    const FakeAnswer answer = state->handler(state->requests.back());
    if (answer.silent) co_return;
    const std::string text = serialise(answer, message.method() != http::verb::head);
    co_await asio::async_write(socket, asio::buffer(text),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error || answer.cut_after) co_return;
  }
}

FakeServer::FakeServer(asio::io_context& io, Handler handler)
    : state_(std::make_shared<State>(io, std::move(handler))) {
  asio::co_spawn(io, State::accept(state_), asio::detached);
}

FakeServer::~FakeServer() {
  state_->acceptor.close();
}

std::string FakeServer::address() const {
  return "127.0.0.1:" + std::to_string(state_->acceptor.local_endpoint().port());
}

const std::vector<FakeRequest>& FakeServer::requests() const {
  return state_->requests;
}

std::size_t FakeServer::connections() const {
  return state_->connections;
}

std::size_t FakeServer::count(const std::string& method, const std::string& target_prefix) const {
  return static_cast<std::size_t>(
      std::count_if(state_->requests.begin(), state_->requests.end(), [&](const auto& request) {
        return request.method == method && request.target.starts_with(target_prefix);
      }));
}

}  // namespace berth::test
