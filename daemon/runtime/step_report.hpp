// The steps that are made for PID 1, which tell their parent what went wrong, in a process that can
// throw.
#pragma once

#include "common/fd.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

class StepReport {
 public:
  StepReport();

  Report& report() noexcept { return report_; }
  /// Throws LaunchError with what the failed step told.
  void require(bool done);

 private:
  SocketPair channel_;
  Report report_;
};

}  // namespace berth::runtime
