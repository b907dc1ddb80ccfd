#include "daemon/runtime/criu.hpp"

#include <catch2/catch.hpp>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/fd.hpp"
#include "common/file.hpp"

using berth::runtime::last_criu_error;

namespace {

std::string error_in(std::string_view text) {
  std::string path = "/tmp/berth-criu-XXXXXX";
  const berth::Fd file = berth::own_fd(::mkostemp(path.data(), O_CLOEXEC), "mkostemp");
  berth::write_all(file.get(), text, path);
  std::string found = last_criu_error(path);
  ::unlink(path.c_str());
  return found;
}

}  // namespace

TEST_CASE("the reason in a log of criu's") {
  CHECK(error_in("(00.01) Dumping\n(00.02) Error (criu/mount.c:7): Can't do it\n"
                 "(00.03) Error (criu/cr-dump.c:2053): Dumping FAILED.\n") == "Can't do it");
  CHECK(error_in("(00.02)      1: Error (criu/files.c:1): first\n"
                 "(00.02)      1: Error (criu/files.c:2): second\n") == "second");
  CHECK(error_in("(00.03) Error (criu/cr-dump.c:2053): Dumping FAILED.\n") == "Dumping FAILED.");
  CHECK(error_in("") == "it gave no reason");
  CHECK(last_criu_error("/nonexistent/log") == "it gave no reason");
}
