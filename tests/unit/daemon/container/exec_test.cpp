#include "daemon/container/exec.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include "common/error.hpp"
#include "daemon/container/container.hpp"

using namespace berth;
using namespace berth::container;

namespace {

api::ExecCreateRequest some_request() {
  api::ExecCreateRequest request;
  request.cmd = {"sh", "-c", "exit 1"};
  request.user = "app";
  request.tty = true;
  request.attach_stdin = true;
  request.detach_keys = "ctrl-a";
  request.console_size = api::ConsoleSize{24, 80};
  return request;
}

}  // namespace

TEST_CASE("a later daemon can show what the shim kept of a session", "[exec]") {
  asio::io_context context(1);
  Exec exec(context.get_executor(), "id", some_request());
  exec.request.env = {"SECRET=1"};
  CHECK(request_from_memo(exec_memo(exec)) == some_request());
  CHECK_THROWS_AS(request_from_memo("no JSON"), Error);
}

TEST_CASE("sessions are found as long as their container is there", "[exec]") {
  asio::io_context context(1);
  auto container = std::make_shared<Container>(context.get_executor(), Definition{}, "name");
  const auto exec = std::make_shared<Exec>(context.get_executor(), "id", some_request());
  ExecIndex index;
  CHECK_THROWS_WITH(index.find("id"), "No such exec instance: id");
  index.add(container, exec);
  CHECK(index.find("id").exec == exec);
  CHECK(index.find("id").container == container);
  container.reset();
  CHECK_THROWS_WITH(index.find("id"), "No such exec instance: id");
  index.remove("id");
  CHECK_THROWS_AS(index.find("id"), Error);
}
