#include "daemon/container/logs_op.hpp"

#include <array>

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <sys/inotify.h>

#include "common/error.hpp"

namespace berth::container {

namespace {

constexpr std::size_t kPiece = std::size_t{128} * 1024;

/// Tells when something in the container's folder was written: the log grew or was rotated.
class FolderWatch {
 public:
  FolderWatch(const asio::any_io_executor& executor, const std::filesystem::path& folder)
      : stream_(executor, open(folder).release()) {}

  /// Returns after the next change, or when `exit` is settled.
  Task<> wait(std::shared_ptr<Outcome> exit) {
    using namespace asio::experimental::awaitable_operators;
    co_await (next_change() || exit->wait());
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

}  // namespace

void check_readable_logs(const Container& container) {
  const std::string& driver = container.definition.host_config.log_config.type;
  if (driver != "json-file") {
    throw Error(ErrorKind::kNotImplemented,
                "configured logging driver does not support reading: \"" + driver + "\"");
  }
}

Task<> read_logs(Services& services, ContainerPtr container, logs::ReadOptions options, bool follow,
                 std::function<Task<>(std::string)> sink) {
  const std::filesystem::path folder = services.settings.container_folder(container->id().str());
  options.multiplexed = !container->has_terminal();
  // The watch comes first: what is written between reading and watching would be missed otherwise.
  std::optional<FolderWatch> watch;
  if (follow) watch.emplace(services.control, folder);
  auto open = [file = folder / (container->id().str() + "-json.log"), options] {
    return std::make_unique<logs::Reader>(file, options);
  };
  const auto reader = co_await services.bulk.run(std::move(open));
  const auto exit = container->next_exit;
  for (;;) {
    const bool ended = !container->state.is_running() || exit->settled();
    std::string piece;
    auto read = [&] { return reader->read(piece, kPiece); };
    const bool more = co_await services.bulk.run(read);
    if (!piece.empty()) co_await sink(std::move(piece));
    if (more) continue;
    if (!follow || ended || reader->past_until()) co_return;
    co_await watch->wait(exit);
  }
}

}  // namespace berth::container
