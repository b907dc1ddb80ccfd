#include "daemon/container/logs_op.hpp"

#include <array>
#include <chrono>
#include <optional>

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/system_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/inotify.h>

#include "common/error.hpp"
#include "daemon/container/log_options.hpp"

namespace berth::container {

namespace {

constexpr std::size_t kPiece = std::size_t{256} * 1024;

/// Tells when something in the container's folder was written: the log grew or was rotated.
class FolderWatch {
 public:
  FolderWatch(const asio::any_io_executor& executor, const std::filesystem::path& folder)
      : stream_(executor, open(folder).release()) {}

  /// Returns after the next change, or when `exit` is settled or `until` is over.
  Task<> wait(std::shared_ptr<Outcome> exit, std::optional<Timestamp> until) {
    using namespace asio::experimental::awaitable_operators;
    if (!until) {
      co_await (next_change() || exit->wait());
      co_return;
    }
    asio::system_timer timer(stream_.get_executor());
    timer.expires_at(std::chrono::time_point_cast<std::chrono::system_clock::duration>(*until) +
                     std::chrono::milliseconds(1));
    co_await (next_change() || exit->wait() || timer.async_wait(asio::use_awaitable));
  }

 private:
  static Fd open(const std::filesystem::path& folder) {
    Fd watch = own_fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK), "inotify_init1");
    check_errno(::inotify_add_watch(watch.get(), folder.c_str(),
                                    IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF),
                "inotify_add_watch", folder.native());
    return watch;
  }

  Task<> next_change() {
    co_await stream_.async_read_some(asio::buffer(events_), asio::use_awaitable);
  }

  asio::posix::stream_descriptor stream_;
  std::array<char, 4096> events_{};
};

/// How long one reader may hold a thread of the pool at a time.
constexpr std::chrono::milliseconds kTurn{100};

struct Progress {
  bool more = true;  // to read right away
  bool sent = true;  // false: the client is slower than we are
};

/// Reads and sends on one thread, for as long as a turn lasts: much goes to a client that reads
/// fast, and none of it through the control thread.
Progress take_turn(logs::Reader& reader, LogClient& client, std::string& piece) {
  const auto end = std::chrono::steady_clock::now() + kTurn;
  Progress progress;
  do {
    piece.clear();
    progress.more = reader.read(piece, kPiece);
    progress.sent = client.send(piece);
  } while (progress.more && progress.sent && std::chrono::steady_clock::now() < end);
  return progress;
}

}  // namespace

KeptLog kept_log(const Settings& settings, const Container& container) {
  const std::string name = log_file_name(container.definition);
  const bool json = container.definition.host_config.log_config.type == "json-file";
  if (!name.empty()) {
    return {settings.container_folder(container.id().str()) / name,
            json ? logs::Format::kJson : logs::Format::kLocal};
  }
  throw Error(ErrorKind::kNotImplemented, "configured logging driver does not support reading");
}

Task<> read_logs(Services& services, ContainerPtr container, logs::ReadOptions options, bool follow,
                 LogClient& client) {
  const KeptLog log = kept_log(services.settings, *container);
  options.appearance.multiplexed = !container->has_terminal();
  const auto exit = container->next_exit;
  // The watch comes first: what is written between reading and watching would be missed otherwise.
  std::optional<FolderWatch> watch;
  if (follow && container->state.is_running())
    watch.emplace(services.control, log.file.parent_path());
  auto open = [&] { return std::make_unique<logs::Reader>(log.file, log.format, options); };
  const auto reader = co_await services.bulk.run(std::move(open));
  std::string piece;
  for (;;) {
    const bool ended = !watch || !container->state.is_running() || exit->settled() ||
                       (options.until && *options.until < now());
    auto turn = [&] { return take_turn(*reader, client, piece); };
    const Progress progress = co_await services.bulk.run(turn);
    if (!progress.sent) co_await client.drain();
    if (progress.more) continue;
    if (ended || reader->past_until()) co_return;
    co_await watch->wait(exit, options.until);
  }
}

}  // namespace berth::container
