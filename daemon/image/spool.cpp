#include "daemon/image/spool.hpp"

#include "common/file.hpp"

namespace berth::image {

Task<> Spool::append(std::span<const char> data) {
  auto write = [file = file_.get(), data] {
    write_all(file, {data.data(), data.size()}, "temporary file");
  };
  co_await pool_->run(std::move(write));
}

}  // namespace berth::image
