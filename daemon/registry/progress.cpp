#include "daemon/registry/progress.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/units.hpp"

namespace berth::registry {

namespace {

constexpr std::size_t kBarWidth = 50;

/// One message as the API's clients expect it: compact JSON and CR LF.
std::string line(const nlohmann::ordered_json& json) {
  return json.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\r\n";
}

}  // namespace

std::string progress_bar(std::uint64_t current, std::uint64_t total) {
  std::string sizes = format_decimal_size(current, 4);
  if (sizes.size() < 8) sizes.insert(0, 8 - sizes.size(), ' ');
  if (total == 0) return sizes;
  const double part = static_cast<double>(current) / static_cast<double>(total);
  const auto filled = std::min(kBarWidth, static_cast<std::size_t>(part * kBarWidth));
  return "[" + std::string(filled, '=') + ">" + std::string(kBarWidth - filled, ' ') + "] " +
         sizes + "/" + format_decimal_size(total, 4);
}

void ProgressQueue::push(Message message) {
  if (closed_) return;
  messages_.push_back(std::move(message));
  filled_.set();
}

void ProgressQueue::status(std::string_view text, std::string_view id) {
  nlohmann::ordered_json json;
  json["status"] = text;
  if (!id.empty()) json["id"] = id;
  push({line(json), {}});
}

void ProgressQueue::layer(std::string_view text, std::string_view id) {
  nlohmann::ordered_json json;
  json["status"] = text;
  json["progressDetail"] = nlohmann::ordered_json::object();
  json["id"] = id;
  push({line(json), {}});
}

void ProgressQueue::progress(std::string_view text, std::string_view id, std::uint64_t current,
                             std::uint64_t total) {
  nlohmann::ordered_json json;
  json["status"] = text;
  json["progressDetail"]["current"] = current;
  json["progressDetail"]["total"] = total;
  json["progress"] = progress_bar(current, total);
  json["id"] = id;
  Message message{line(json), std::string(id) + " " + std::string(text)};
  const auto unread = std::find_if(messages_.begin(), messages_.end(), [&](const Message& waiting) {
    return waiting.replaces == message.replaces;
  });
  if (unread != messages_.end()) {
    *unread = std::move(message);
    return;
  }
  push(std::move(message));
}

void ProgressQueue::aux(const nlohmann::ordered_json& value) {
  nlohmann::ordered_json json;
  json["progressDetail"] = nlohmann::ordered_json::object();
  json["aux"] = value;
  push({line(json), {}});
}

void ProgressQueue::close() {
  closed_ = true;
  filled_.set();
}

Task<> ProgressQueue::drain(ProgressSink sink) {
  for (;;) {
    std::string lines = co_await take();
    if (lines.empty()) co_return;
    co_await sink(std::move(lines));
  }
}

Task<std::string> ProgressQueue::take() {
  co_await filled_.wait();
  std::string text;
  for (const Message& message : messages_)
    text += message.text;
  messages_.clear();
  if (!closed_) filled_.reset();
  co_return text;
}

}  // namespace berth::registry
