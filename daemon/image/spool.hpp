// What a client sends, on its way to an unnamed file: it needs no clean-up, whatever happens.
//
// Control thread; the file is written on a pool.
#pragma once

#include <span>
#include <utility>

#include "common/fd.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/async/task.hpp"

namespace berth::image {

class Spool {
 public:
  Spool(BlockingPool& pool, Fd file) : pool_(&pool), file_(std::move(file)) {}

  /// `data` must stay until it returns. Throws Error, such as for a full disk.
  Task<> append(std::span<const char> data);
  /// The file, open for reading and writing.
  Fd take() { return std::move(file_); }

 private:
  BlockingPool* pool_;
  Fd file_;
};

}  // namespace berth::image
