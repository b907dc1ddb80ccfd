#include "daemon/container/exec_op.hpp"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>
#include <signal.h>
#include <sys/socket.h>

#include "common/base64.hpp"
#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/container/apparmor.hpp"
#include "daemon/container/attach_op.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/launch_document.hpp"
#include "daemon/container/spec.hpp"

namespace berth::container {

namespace {

constexpr int kKilled = 128 + SIGKILL;
constexpr int kCannotInvoke = 126;
// As long as a client may need to ask for the exit code, and so many that no loop of sessions makes
// the daemon grow.
constexpr std::chrono::minutes kKept{10};
constexpr std::size_t kMostEnded = 1024;

void check_active(const Container& container) {
  const std::string& id = container.id().str();
  if (container.state.status == Status::kPaused) {
    throw Error(ErrorKind::kConflict,
                "Container " + id + " is paused, unpause the container before exec");
  }
  if (container.state.status == Status::kRestarting) {
    throw Error(ErrorKind::kConflict,
                "Container " + id + " is restarting, wait until the container is running");
  }
  if (!container.state.is_running() || !container.shim)
    throw Error(ErrorKind::kConflict, "container " + id + " is not running");
}

void check_request(const api::ExecCreateRequest& request) {
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::kInvalidArgument, why); };
  if (request.cmd.empty()) refuse("No exec command specified");
  if (!request.working_dir.empty() && !request.working_dir.starts_with('/')) {
    refuse("the working directory '" + request.working_dir +
           "' is invalid, it needs to be an absolute path");
  }
  const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (std::any_of(request.cmd.begin(), request.cmd.end(), has_nul))
    refuse("an argument of the command contains a NUL byte");
  if (std::any_of(request.env.begin(), request.env.end(), has_nul))
    refuse("an environment variable contains a NUL byte");
  if (has_nul(request.user)) refuse("the user contains a NUL byte");
  if (has_nul(request.working_dir)) refuse("the working directory contains a NUL byte");
  (void)parse_detach_keys(request.detach_keys);
}

/// The command as events show it.
std::string command_line(const Exec& exec) {
  const api::StringList& cmd = exec.request.cmd;
  return cmd.front() + " " + join(std::vector<std::string>(cmd.begin() + 1, cmd.end()), " ");
}

void drop_old(Services& services, Container& container) {
  const Timestamp limit = now() - kKept;
  std::vector<ExecPtr> ended;
  for (const auto& [id, exec] : container.execs) {
    if (exec->phase == Exec::Phase::kEnded) ended.push_back(exec);
  }
  std::sort(ended.begin(), ended.end(), [](const ExecPtr& left, const ExecPtr& right) {
    return left->ended_at < right->ended_at;
  });
  std::size_t count = ended.size();
  for (const ExecPtr& exec : ended) {
    if (exec->ended_at >= limit && count <= kMostEnded) break;
    container.execs.erase(exec->id);
    services.execs.remove(exec->id);
    --count;
  }
}

/// A session's process is that of a container with the session's settings in place of its own.
Definition definition_of(const Services& services, const Container& container, const Exec& exec,
                         const std::optional<api::ConsoleSize>& console_size) {
  Definition definition = container.definition;
  const api::ExecCreateRequest& request = exec.request;
  definition.config.tty = request.tty;
  definition.config.user = request.user;
  definition.config.working_dir = request.working_dir;
  definition.config.entrypoint.reset();
  definition.config.cmd = request.cmd;
  definition.config.env.insert(definition.config.env.end(), request.env.begin(), request.env.end());
  definition.host_config.init = false;
  definition.host_config.privileged |= request.privileged;
  definition.host_config.console_size =
      console_size.value_or(request.console_size.value_or(api::ConsoleSize{}));
  if (const auto name = joined_name(definition.host_config.network_mode); !name.empty()) {
    const ContainerPtr joined = services.index.find_by_id(ContainerId(std::string(name)));
    if (joined) definition.config.hostname = joined->definition.config.hostname;
  }
  return definition;
}

std::string session_document(const Services& services, const Container& container, const Exec& exec,
                             const Definition& definition) {
  const SpecInput input{definition, services.settings, {}, definition.config.hostname, {}};
  nlohmann::json process = build_process(input);
  // As dockerd does it: a privileged session gets every capability, but the profile stays.
  const std::string profile =
      apparmor_profile(container.definition.host_config, services.settings.apparmor);
  if (!profile.empty()) process["apparmorProfile"] = profile;
  const nlohmann::json document{{"process", std::move(process)}, {"memo", exec_memo(exec)}};
  return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void complete(shim::SessionRequest& request, Services& services, const Container& container,
              const Exec& exec, const std::optional<api::ConsoleSize>& console_size) {
  const Definition definition = definition_of(services, container, exec, console_size);
  request.id = exec.id;
  request.document = session_document(services, container, exec, definition);
  request.seccomp_filter = seccomp_filter(services, definition.host_config);
  request.attach.standard_input = exec.request.attach_stdin;
  request.attach.standard_output = exec.request.attach_stdout;
  request.attach.standard_error = exec.request.attach_stderr;
  request.attach.detach_keys = parse_detach_keys(exec.request.detach_keys);
}

/// As the shim would: in the stream of output. A client whose socket is full does not listen.
void tell_client(const Fd& stream, bool multiplexed, std::string text) {
  if (multiplexed) {
    const auto byte = [&](unsigned shift) {
      return static_cast<char>(text.size() >> shift & 0xffU);
    };
    text.insert(0, std::string{1, 0, 0, 0, byte(24), byte(16), byte(8), byte(0)});
  }
  (void)::send(stream.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void finish(Exec& exec, int exit_code) {
  exec.phase = Exec::Phase::kEnded;
  exec.exit_code = exit_code;
  exec.ended_at = now();
  exec.started.set();
  exec.ended.set();
}

void on_event(Services& services, Container& container, const shim::SessionEvent& event) {
  using Kind = shim::SessionEvent::Kind;
  const auto entry = container.execs.find(event.id);
  if (entry == container.execs.end()) return;
  const ExecPtr exec = entry->second;
  if (exec->phase == Exec::Phase::kEnded) return;
  switch (event.kind) {
    case Kind::kStarted:
      exec->phase = Exec::Phase::kRunning;
      exec->pid = event.pid;
      exec->started.set();
      break;
    case Kind::kFailed:
      exec->error = event.message;
      finish(*exec, event.exit_code);
      break;
    case Kind::kExited:
      finish(*exec, event.exit_code);
      publish(services, container, "exec_die",
              {{"execID", exec->id}, {"exitCode", std::to_string(event.exit_code)}});
      break;
    case Kind::kDetached:
      publish(services, container, "exec_detach", {{"execID", exec->id}});
      break;
  }
}

void adopt(Services& services, const ContainerPtr& container, const shim::KnownSession& known) {
  auto exec = std::make_shared<Exec>(services.control, known.id, request_from_memo(known.memo));
  exec->pid = known.pid;
  if (known.exit_code) {
    finish(*exec, *known.exit_code);
  } else {
    exec->phase = known.pid > 0 ? Exec::Phase::kRunning : Exec::Phase::kStarting;
    if (known.pid > 0) exec->started.set();
  }
  services.execs.add(container, exec);
}

}  // namespace

ExecPtr create_exec(Services& services, ContainerPtr container, api::ExecCreateRequest request) {
  check_active(*container);
  check_request(request);
  if (request.user.empty()) request.user = container->definition.config.user;
  if (request.working_dir.empty()) request.working_dir = container->definition.config.working_dir;
  drop_old(services, *container);
  auto exec = std::make_shared<Exec>(services.control, random_hex_id(), std::move(request));
  services.execs.add(container, exec);
  publish(services, *container, "exec_create: " + command_line(*exec), {{"execID", exec->id}});
  return exec;
}

FoundExec find_startable_exec(Services& services, const std::string& id) {
  FoundExec found = services.execs.find(id);
  check_active(*found.container);
  if (found.exec->phase == Exec::Phase::kEnded) {
    throw Error(ErrorKind::kConflict, "Error: Exec command " + id + " has already run");
  }
  if (found.exec->phase != Exec::Phase::kCreated) {
    throw Error(ErrorKind::kConflict, "Error: Exec command " + id + " is already running");
  }
  return found;
}

void start_exec(Services& services, const FoundExec& found,
                const std::optional<api::ConsoleSize>& console_size, ExecClient client) {
  Exec& exec = *found.exec;
  const bool multiplexed = client.multiplexed;
  shim::SessionRequest request;
  request.stream = std::move(client.stream);
  try {
    // It may have ended while the client's connection was taken over.
    check_active(*found.container);
    complete(request, services, *found.container, exec, console_size);
    request.attach.multiplexed = multiplexed;
    request.attach.early_bytes = std::move(client.early_bytes);
    publish(services, *found.container, "exec_start: " + command_line(exec), {{"execID", exec.id}});
    exec.phase = Exec::Phase::kStarting;
    found.container->shim->start_session(request);
  } catch (const Error& error) {
    exec.error = error.what();
    if (exec.phase != Exec::Phase::kEnded) finish(exec, kCannotInvoke);
    if (!request.stream) throw;
    tell_client(request.stream, multiplexed, exec.error + "\r\n");
  }
}

Task<> exec_started(ExecPtr exec) {
  co_await exec->started.wait();
  if (!exec->error.empty()) throw Error(ErrorKind::kInvalidArgument, exec->error);
}

Task<> resize_exec(FoundExec found, unsigned short rows, unsigned short columns) {
  const ExecPtr exec = found.exec;
  if (!exec->request.tty)
    throw Error(ErrorKind::kConflict, "exec " + exec->id + " has no terminal");
  // Clients ask for it as soon as they have asked for the start.
  if (exec->phase == Exec::Phase::kStarting) co_await exec->started.wait();
  if (found.container->shim) found.container->shim->catch_up();
  if (exec->phase != Exec::Phase::kRunning || !found.container->shim)
    throw Error(ErrorKind::kConflict, "exec " + exec->id + " is not running");
  found.container->shim->resize_session(exec->id, rows, columns);
}

api::ExecInspect inspect_exec(const FoundExec& found) {
  constexpr std::chrono::minutes kRemovable{5};
  const Exec& exec = *found.exec;
  if (!exec.exit_code && found.container->shim) found.container->shim->catch_up();
  const api::ExecCreateRequest& request = exec.request;
  api::ExecInspect shown;
  shown.id = exec.id;
  shown.running = exec.phase == Exec::Phase::kStarting || exec.phase == Exec::Phase::kRunning;
  shown.exit_code = exec.exit_code;
  shown.process_config.entrypoint = request.cmd.front();
  shown.process_config.arguments.assign(request.cmd.begin() + 1, request.cmd.end());
  shown.process_config.privileged = request.privileged;
  shown.process_config.tty = request.tty;
  shown.process_config.user = request.user;
  shown.open_stdin = request.attach_stdin;
  shown.open_stdout = request.attach_stdout;
  shown.open_stderr = request.attach_stderr;
  shown.can_remove = exec.exit_code && now() - exec.ended_at > kRemovable;
  shown.container_id = found.container->id().str();
  // As dockerd shows it: the bytes that a terminal sends.
  if (!request.detach_keys.empty())
    shown.detach_keys = encode_base64(parse_detach_keys(request.detach_keys));
  shown.pid = exec.pid;
  return shown;
}

void watch_execs(Services& services, const ContainerPtr& container, shim::ShimClient& shim) {
  for (const shim::KnownSession& known : shim.take_known_sessions()) {
    try {
      adopt(services, container, known);
    } catch (const std::exception& error) {
      log::warn("container {}: exec {} cannot be taken over: {}", container->name, known.id,
                error.what());
    }
  }
  // Not owned by the watcher: it is the container's own shim that holds it.
  shim.watch_sessions(
      [&services, weak = std::weak_ptr(container)](const shim::SessionEvent& event) {
        if (const ContainerPtr alive = weak.lock()) on_event(services, *alive, event);
      });
}

void end_execs(Services& services, Container& container) {
  for (auto entry = container.execs.begin(); entry != container.execs.end();) {
    const ExecPtr exec = entry->second;
    if (exec->phase == Exec::Phase::kCreated) {
      services.execs.remove(exec->id);
      entry = container.execs.erase(entry);
      continue;
    }
    ++entry;
    on_event(services, container, {shim::SessionEvent::Kind::kExited, exec->id, 0, kKilled, ""});
  }
}

void forget_execs(Services& services, Container& container) {
  for (const auto& [id, exec] : container.execs)
    services.execs.remove(id);
  container.execs.clear();
}

}  // namespace berth::container
