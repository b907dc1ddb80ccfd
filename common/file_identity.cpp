#include "common/file_identity.hpp"

#include <fcntl.h>
#include <sys/stat.h>

namespace berth {

std::uint64_t file_identity(int fd) {
  struct statx status{};
  if (::statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) return 0;
  constexpr std::uint64_t kSpread = 0x9e3779b97f4a7c15U;
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  std::uint64_t made = 0;
  if ((status.stx_mask & STATX_BTIME) != 0) {
    made = static_cast<std::uint64_t>(status.stx_btime.tv_sec) * kNanoseconds +
           status.stx_btime.tv_nsec;
  }
  return status.stx_ino * kSpread ^ made;
}

}  // namespace berth
