// A folder, and the image room upon it, for one test.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_future.hpp>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <stdlib.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/image/service.hpp"
#include "daemon/image/store.hpp"
#include "daemon/storage/overlay2.hpp"
#include "daemon/storage/vfs.hpp"

namespace berth::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").native();
    path_ = ::mkdtemp(pattern.data());
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// A reader of bytes in memory, in pieces.
class TextReader : public image::ByteReader {
 public:
  explicit TextReader(std::string text, std::size_t piece = 700)
      : text_(std::move(text)), piece_(piece) {}
  std::span<const std::byte> next() override {
    const auto part = std::string_view(text_).substr(at_, piece_);
    at_ += part.size();
    return std::as_bytes(std::span(part));
  }

 private:
  std::string text_;
  std::size_t piece_;
  std::size_t at_ = 0;
};

struct PublishedEvent {
  std::string action;
  std::string id;
  std::string name;
  bool operator==(const PublishedEvent&) const = default;
};

/// One life of a daemon, as far as images go.
class Daemon {
 public:
  explicit Daemon(const std::filesystem::path& root, bool vfs = false)
      : database_(root / "berth.db"),
        driver_(make_driver(root, vfs)),
        service_({control_.get_executor(), fast_, bulk_, database_, *driver_, root,
                  [this](std::string_view action, const std::string& id,
                         std::map<std::string, std::string> attributes) {
                    events.push_back({std::string(action), id, attributes["name"]});
                  }}) {
    driver_->collect({});
    settle();
  }
  ~Daemon() { settle(); }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  image::ImageService& images() { return service_; }
  storage::Driver& driver() { return *driver_; }

  template <typename T>
  T await(Task<T> task) {
    if constexpr (std::is_void_v<T>) {
      finish(std::move(task));
    } else {
      std::optional<T> result;
      finish(keep(std::move(task), result));
      return std::move(*result);
    }
  }
  void settle() {
    control_.restart();
    control_.run();
  }

  /// Loads an archive; returns the stream.
  std::string load(const std::string& archive) {
    image::Spool spool = await(service_.make_spool());
    await(spool.append(archive));
    std::string stream;
    auto sink = [&stream](std::string line) -> Task<> {
      stream += line;
      co_return;
    };
    await(service_.load(spool.take(), true, sink));
    return stream;
  }

  std::vector<PublishedEvent> events;

 private:
  template <typename T>
  static Task<> keep(Task<T> task, std::optional<T>& result) {
    result.emplace(co_await std::move(task));
  }
  void finish(Task<> task) {
    auto done = asio::co_spawn(control_, std::move(task), asio::use_future);
    settle();
    done.get();
  }

  std::unique_ptr<storage::Driver> make_driver(const std::filesystem::path& root, bool vfs) {
    const storage::DriverOptions options{control_.get_executor(), fast_, bulk_, tasks_, root};
    // Not by name: that asks the kernel for an overlay, which needs root.
    if (vfs) return std::make_unique<storage::VfsDriver>(options);
    return std::make_unique<storage::Overlay2Driver>(options);
  }

  asio::io_context control_{1};
  BlockingPool fast_{1};
  BlockingPool bulk_{2};
  Gate tasks_{control_.get_executor()};
  state::Database database_;
  std::unique_ptr<storage::Driver> driver_;
  image::ImageService service_;
};

template <typename Function>
Error error_of(Function function) {
  try {
    function();
  } catch (const Error& error) {
    return error;
  }
  FAIL("nothing was thrown");
  return {ErrorKind::kInternal, ""};
}

inline std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> found;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    found.insert(entry.path().filename());
  return found;
}

}  // namespace berth::test
