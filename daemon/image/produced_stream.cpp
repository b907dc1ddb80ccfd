#include "daemon/image/produced_stream.hpp"

#include <cerrno>
#include <exception>
#include <thread>

#include <fcntl.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::image {

namespace {

constexpr int kPipeSize = 1 << 20;
constexpr std::size_t kBlock = std::size_t{256} * 1024;

class ProducedStream : public ByteReader {
 public:
  explicit ProducedStream(std::function<void(int out)> produce)
      : pipe_(make_pipe()), buffer_(kBlock) {
    ::fcntl(pipe_.read.get(), F_SETPIPE_SZ, kPipeSize);  // a wish
    thread_ = std::thread(
        [this, out = std::move(pipe_.write), produce = std::move(produce)]() mutable noexcept {
          try {
            produce(out.get());
          } catch (...) {
            failure_ = std::current_exception();
          }
          out.reset();
        });
  }
  ProducedStream(const ProducedStream&) = delete;
  ProducedStream& operator=(const ProducedStream&) = delete;
  ~ProducedStream() override {
    pipe_.read.reset();
    if (thread_.joinable()) thread_.join();
  }

  std::span<const std::byte> next() override {
    ssize_t got = 0;
    do {
      got = ::read(pipe_.read.get(), buffer_.data(), buffer_.size());
    } while (got < 0 && errno == EINTR);
    if (got < 0) throw_errno("read", "pipe");
    if (got == 0) {
      if (thread_.joinable()) thread_.join();
      if (failure_) std::rethrow_exception(failure_);
    }
    return std::span(buffer_).first(static_cast<std::size_t>(got));
  }

 private:
  Pipe pipe_;
  std::vector<std::byte> buffer_;
  std::exception_ptr failure_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ByteReader> read_produced(std::function<void(int out)> produce) {
  return std::make_unique<ProducedStream>(std::move(produce));
}

}  // namespace berth::image
