#include "daemon/routes/progress_stream.hpp"

#include <exception>

#include "api/fields.hpp"
#include "api/progress.hpp"
#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/http/status.hpp"

namespace berth::routes {

Task<> ProgressStream::write(std::string lines) {
  if (!exchange_.streaming()) co_await exchange_.begin_stream(200, "application/json");
  co_await exchange_.write(std::move(lines));
}

Task<> ProgressStream::end() {
  if (!exchange_.streaming()) co_await exchange_.begin_stream(200, "application/json");
  co_await exchange_.end_stream();
}

Task<> ProgressStream::fail(std::exception_ptr failure) {
  if (!exchange_.streaming()) std::rethrow_exception(failure);
  api::ProgressMessage message;
  int status = 500;
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kCancelled) throw;
    status = http::status_of(error.kind());
    message.error = error.what();
  } catch (const std::exception& error) {
    message.error = error.what();
  }
  if (status >= 500) log::error("{}: {}", exchange_.request().path, message.error);
  api::ErrorDetail detail;
  detail.message = message.error;
  message.error_detail = std::move(detail);
  co_await exchange_.write(api::to_text(message) + "\n");
  co_await exchange_.end_stream();
}

Task<> answer_progress(http::Exchange& exchange,
                       std::function<Task<>(ProgressSink sink)> operation) {
  ProgressStream stream(exchange);
  std::exception_ptr failure;
  try {
    co_await operation([&stream](std::string lines) { return stream.write(std::move(lines)); });
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await stream.fail(failure);
  } else {
    co_await stream.end();
  }
}

}  // namespace berth::routes
