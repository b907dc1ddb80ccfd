// The part of ShimClient that is about sessions.
#include "daemon/shim_client/sessions.hpp"

#include <nlohmann/json.hpp>

#include "common/file.hpp"
#include "common/log/log.hpp"
#include "daemon/shim/protocol.hpp"
#include "daemon/shim_client/shim_client.hpp"
#include "daemon/shim_client/spawn.hpp"

namespace berth::shim {

namespace {

KnownSession known_session(const nlohmann::json& entry) {
  KnownSession session{entry.value("exec_id", ""), entry.value("memo", ""), entry.value("pid", 0),
                       std::nullopt};
  if (const auto code = entry.find("exit_code"); code != entry.end())
    session.exit_code = code->get<int>();
  return session;
}

}  // namespace

void ShimClient::start_session(const SessionRequest& request) {
  nlohmann::json body = attach_body(request.attach);
  body["exec_id"] = request.id;
  body["filter"] = !request.seccomp_filter.empty();
  body["stream"] = static_cast<bool>(request.stream);
  const Fd document = sealed_file("session", request.document);
  Fd filter;
  std::vector<int> descriptors = {document.get()};
  if (!request.seccomp_filter.empty()) {
    filter = sealed_file("seccomp", {reinterpret_cast<const char*>(request.seccomp_filter.data()),
                                     request.seccomp_filter.size()});
    descriptors.push_back(filter.get());
  }
  if (request.stream) descriptors.push_back(request.stream.get());
  send("exec_start", std::move(body), descriptors);
}

void ShimClient::resize_session(const std::string& id, unsigned short rows,
                                unsigned short columns) {
  send("exec_resize", {{"exec_id", id}, {"rows", rows}, {"columns", columns}});
}

void ShimClient::kill_session(const std::string& id) {
  send("exec_kill", {{"exec_id", id}});
}

void ShimClient::watch_sessions(SessionWatcher watcher) {
  session_watcher_ = std::move(watcher);
  for (const SessionEvent& event : std::exchange(unseen_sessions_, {}))
    session_watcher_(event);
}

void ShimClient::handle_session(const Message& message) {
  using Kind = SessionEvent::Kind;
  const nlohmann::json& body = message.body;
  SessionEvent event;
  if (message.type == "exec_started") {
    event.kind = Kind::kStarted;
  } else if (message.type == "exec_failed") {
    event.kind = Kind::kFailed;
  } else if (message.type == "exec_exited") {
    event.kind = Kind::kExited;
  } else if (message.type == "exec_detached") {
    event.kind = Kind::kDetached;
  } else {
    return;
  }
  event.id = body.value("exec_id", "");
  event.pid = body.value("pid", 0);
  event.exit_code = body.value("exit_code", 0);
  event.message = body.value("message", "");
  if (session_watcher_) {
    session_watcher_(event);
  } else {
    unseen_sessions_.push_back(std::move(event));
  }
}

void ShimClient::read_known_sessions(const Message& message) {
  if (message.descriptors.size() != 1) return;
  const auto list = nlohmann::json::parse(read_all(message.descriptors.front().get(), "sessions"));
  known_sessions_.clear();
  for (const nlohmann::json& entry : list)
    known_sessions_.push_back(known_session(entry));
}

}  // namespace berth::shim
