// Takes cables away without making anybody wait (veth.hpp says why). Control thread; netlink runs
// on the pool.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/fd.hpp"
#include "daemon/async/gate.hpp"
#include "daemon/async/mutex.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/network/veth.hpp"

namespace berth::network {

class Cables {
 public:
  Cables(const asio::any_io_executor& control, BlockingPool& pool)
      : pool_(pool),
        cutting_(control),
        laying_{AsyncMutex(control), AsyncMutex(control)},
        stopping_(control),
        tasks_(control) {}

  /// Once every cable that was dropped before at this address is cut. Throws Error.
  Task<> lay(Cable cable, Fd network_namespace);

  /// Cuts the cable in the background, and removes it if it is there a second later still, as when
  /// another container lives on in the network of the one that ended.
  void drop(const std::string& name, const std::string& address);

  /// Cuts them now and removes them in the background. Throws Error.
  Task<> clear(std::vector<std::string> names);

  Task<> stop();

 private:
  Task<> cut_all();
  Task<> finish(std::string name);
  Task<> remove(std::vector<std::string> names);

  BlockingPool& pool_;
  AsyncMutex cutting_;
  // The kernel changes one thing at a time: more than two would only fill the pool with waiters.
  AsyncMutex laying_[2];
  std::size_t next_lane_ = 0;
  std::map<std::string, std::string> uncut_;  // name -> address
  AsyncSignal stopping_;
  Gate tasks_;
};

}  // namespace berth::network
