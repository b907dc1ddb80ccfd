// By hand, against a real registry: unit_daemon_registry "[.real]" with
//   BERTH_TEST_PULL=127.0.0.1:5000/thing:latest [BERTH_TEST_AUTH=<X-Registry-Auth>]
//   [BERTH_TEST_CERTS=<folder like /etc/berth/certs.d>]
#include <cstdio>
#include <cstdlib>

#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "common/image_reference.hpp"
#include "common/log/log.hpp"
#include "daemon/registry/puller.hpp"
#include "fake_server.hpp"

using namespace berth;
using namespace berth::registry;

namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

/// Has nothing and keeps nothing.
class Nowhere : public PullTarget {
 public:
  Task<bool> has_image(Digest) override { co_return false; }
  Task<bool> has_layer(ChainId) override { co_return false; }
  bool unpacks_in_parallel() const override { return true; }
  Task<> add_layer(LayerBlob) override { co_return; }
  Task<bool> add_image(PulledImage) override { co_return true; }
};

Task<> show(std::string lines) {
  std::fputs(lines.c_str(), stdout);
  co_return;
}

}  // namespace

TEST_CASE("an image is pulled from a real registry", "[.real]") {
  log::init("debug");
  asio::io_context io{1};
  TransferThread thread;
  Options options;
  options.proxies = proxies_from_environment();
  if (!environment("BERTH_TEST_CERTS").empty())
    options.certificates = environment("BERTH_TEST_CERTS");
  Puller puller(io.get_executor(), thread, [] { return std::make_unique<Nowhere>(); }, options);
  const PullRequest request{ImageReference::parse(environment("BERTH_TEST_PULL")), "",
                            parse_registry_auth(environment("BERTH_TEST_AUTH"))};
  const auto start = std::chrono::steady_clock::now();
  try {
    test::run(io, puller.pull(request, show));
  } catch (const Error& error) {
    FAIL(error.what());
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("pulled in %.3f s\n", took.count());
  test::run(io, puller.close());
}
