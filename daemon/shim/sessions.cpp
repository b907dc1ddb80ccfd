#include "daemon/shim/sessions.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/shim/memory.hpp"

namespace berth::shim {

namespace {

constexpr std::chrono::milliseconds kRetry{200};
constexpr std::chrono::milliseconds kSettled{500};
constexpr long kMostSize = 65535;
// Of the sessions that ended; the last one is always known.
constexpr std::size_t kMostEnded = 32;
constexpr std::size_t kMostMemos = std::size_t{32} * 1024;

/// Descriptors of an exec_start, in the order of the protocol.
struct StartParts {
  Fd document;
  Fd filter;
  Fd stream;
};

StartParts take_parts(Message& message) {
  StartParts parts;
  const bool filter = flag_of(message.body, "filter");
  const bool stream = flag_of(message.body, "stream");
  const std::size_t expected = 1 + std::size_t{filter} + std::size_t{stream};
  if (message.descriptors.size() != expected) {
    throw Error(ErrorKind::kInvalidArgument, "exec_start has not the descriptors that it names");
  }
  auto next = message.descriptors.begin();
  parts.document = std::move(*next++);
  if (filter) parts.filter = std::move(*next++);
  if (stream) parts.stream = std::move(*next);
  return parts;
}

SessionClient client_of(const nlohmann::json& body, Fd stream) {
  return {std::move(stream), read_attach_settings(body), from_hex(text_of(body, "early"))};
}

}  // namespace

Sessions::~Sessions() {
  loop_.cancel(retry_);
  loop_.cancel(rest_);
}

void Sessions::start(Message message, const ContainerProcess* init, const rlimit64& file_limit) {
  const std::string id = text_of(message.body, "exec_id");
  StartParts parts = take_parts(message);
  if (find(id) != sessions_.end()) {
    throw Error(ErrorKind::kInvalidArgument, "the session " + id + " was started already");
  }
  SessionObserver& observer = *this;
  Running& running =
      sessions_.emplace_back(loop_, observer, id, client_of(message.body, std::move(parts.stream)));
  try {
    runtime::SessionDocument document =
        runtime::parse_session_document(read_all(parts.document.get(), "session document"));
    running.memo = std::move(document.memo);
    if (init == nullptr) throw Error(ErrorKind::kConflict, "the container is not running");
    // In the shim's memory only as long as the clone takes.
    std::string filter;
    if (parts.filter) filter = read_all(parts.filter.get(), "seccomp filter");
    runtime::EnterOptions options;
    options.launch.seccomp_filter = std::as_bytes(std::span(filter));
    options.init = init->pid();
    options.init_pidfd = init->pidfd();
    options.cgroup = init->cgroup().get();
    options.file_limit = file_limit;
    running.session.start(std::move(document.process), options);
  } catch (const Error& error) {
    running.session.refuse(error.what());
  }
}

void Sessions::resize(const nlohmann::json& body) {
  const auto found = find(text_of(body, "exec_id"));
  // It may have ended while the message was on its way.
  if (found == sessions_.end()) return;
  found->session.resize(static_cast<unsigned short>(number_of(body, "rows", kMostSize)),
                        static_cast<unsigned short>(number_of(body, "columns", kMostSize)));
}

void Sessions::kill(const nlohmann::json& body) {
  const auto found = find(text_of(body, "exec_id"));
  if (found != sessions_.end()) found->session.kill();
}

nlohmann::json Sessions::known() {
  // Whoever gets this has missed nothing.
  pending_.clear();
  nlohmann::json list = nlohmann::json::array();
  for (const Running& running : sessions_) {
    if (running.session.is_over()) continue;
    list.push_back({{"exec_id", running.session.id()},
                    {"pid", running.session.pid()},
                    {"memo", running.memo}});
  }
  for (const Ended& ended : ended_) {
    list.push_back({{"exec_id", ended.id}, {"exit_code", ended.exit_code}, {"memo", ended.memo}});
  }
  return list;
}

void Sessions::end_all(std::function<void()> done) {
  done_ = std::move(done);
  for (Running& running : sessions_)
    running.session.kill();
  if (sessions_.empty()) std::exchange(done_, nullptr)();
}

std::list<Sessions::Running>::iterator Sessions::find(std::string_view id) {
  return std::find_if(sessions_.begin(), sessions_.end(),
                      [&](const Running& running) { return running.session.id() == id; });
}

// --- what sessions report ------------------------------------------------------------------------

void Sessions::on_started(const std::string& id, pid_t pid) {
  tell("exec_started", {{"exec_id", id}, {"pid", pid}});
}

void Sessions::on_failed(const std::string& id, const std::string& message, int exit_code) {
  remember(id, exit_code);
  tell("exec_failed", {{"exec_id", id}, {"message", message}, {"exit_code", exit_code}});
}

void Sessions::on_exited(const std::string& id, int exit_code) {
  remember(id, exit_code);
  tell("exec_exited", {{"exec_id", id}, {"exit_code", exit_code}});
}

void Sessions::on_detached(const std::string& id) {
  tell("exec_detached", {{"exec_id", id}});
}

void Sessions::on_closed(const std::string& id) {
  // It is one of the session's functions that calls.
  loop_.after(std::chrono::milliseconds(0), [this, id] {
    sessions_.erase(find(id));
    rest_later();
    if (done_ && sessions_.empty()) std::exchange(done_, nullptr)();
  });
}

void Sessions::remember(const std::string& id, int exit_code) {
  const auto session = find(id);
  ended_.push_back({id, exit_code, std::move(session->memo)});
  forget_oldest();
}

void Sessions::forget_oldest() {
  std::size_t memos = 0;
  for (const Ended& ended : ended_)
    memos += ended.memo.size();
  while (ended_.size() > 1 && (ended_.size() > kMostEnded || memos > kMostMemos)) {
    memos -= ended_.front().memo.size();
    ended_.pop_front();
  }
}

// --- the daemon ----------------------------------------------------------------------------------

void Sessions::tell(std::string_view type, nlohmann::json body) {
  if (pending_.empty() && daemon_.tell(type, body)) return;
  // A daemon that connects later is told everything there is.
  if (!daemon_.is_connected()) return;
  pending_.emplace_back(type, std::move(body));
  if (retry_ == 0) retry_ = loop_.after(kRetry, [this] { tell_pending(); });
}

void Sessions::tell_pending() {
  retry_ = 0;
  while (!pending_.empty() && daemon_.tell(pending_.front().first, pending_.front().second))
    pending_.pop_front();
  if (!daemon_.is_connected()) pending_.clear();
  if (!pending_.empty()) retry_ = loop_.after(kRetry, [this] { tell_pending(); });
}

/// What sessions took of the shim's memory is given back when there was none for a while.
void Sessions::rest_later() {
  if (rest_ != 0 || !sessions_.empty()) return;
  rest_ = loop_.after(kSettled, [this] {
    rest_ = 0;
    if (sessions_.empty()) give_memory_back();
  });
}

}  // namespace berth::shim
