// Commands about a container's files, and images as archives.
#include <array>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <stdio.h>
#include <unistd.h>

#include "client/commands/command_line.hpp"
#include "client/commands/verbs.hpp"
#include "client/options/refused.hpp"
#include "client/stream/session.hpp"
#include "common/file.hpp"
#include "common/scope_guard.hpp"

namespace berth::client {

namespace {

void copy_body(Exchange& exchange, int out, const std::string& name) {
  std::array<char, 65536> buffer;
  while (const std::size_t got = exchange.read(buffer.data(), buffer.size()))
    write_all(out, {buffer.data(), got}, name);
}

/// The file appears when it is whole.
void save_body(Exchange& exchange, const std::string& path) {
  const std::string temporary = path + ".berth-" + std::to_string(::getpid());
  const Fd file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, 0600);
  ScopeGuard remove([&] { ::unlink(temporary.c_str()); });
  copy_body(exchange, file.get(), path);
  check_errno(::rename(temporary.c_str(), path.c_str()), "rename", path);
  remove.release();
}

}  // namespace

int run_export(Context& context, const Arguments& arguments) {
  CommandLine line("export", "export [OPTIONS] CONTAINER",
                   "Export a container's filesystem as a tar archive");
  std::string output;
  line.text("-o,--output", output, "Write to a file, instead of STDOUT");
  const std::string name = line.parse(arguments, 1, 1).front();
  if (output.empty() && ::isatty(STDOUT_FILENO) != 0) {
    throw line.error("cowardly refusing to save to a terminal. Use the -o flag or redirect", 1);
  }
  Request request;
  request.target = "/containers/" + escape_url(name) + "/export";
  Exchange exchange = context.client().open(std::move(request));
  if (output.empty()) {
    copy_body(exchange, STDOUT_FILENO, "standard output");
  } else {
    save_body(exchange, output);
  }
  return 0;
}

int run_save(Context& context, const Arguments& arguments) {
  CommandLine line("save", "save [OPTIONS] IMAGE [IMAGE...]",
                   "Save one or more images to a tar archive (streamed to STDOUT by default)");
  std::string output;
  line.text("-o,--output", output, "Write to a file, instead of STDOUT");
  refuse_option(line.flags(), "--platform", "images here have one platform each");
  const Arguments names = line.parse(arguments, 1);
  if (output.empty() && ::isatty(STDOUT_FILENO) != 0) {
    throw line.error("cowardly refusing to save to a terminal. Use the -o flag or redirect", 1);
  }
  std::vector<std::pair<std::string, std::string>> parameters;
  for (const std::string& name : names)
    parameters.emplace_back("names", name);
  Request request;
  request.target = "/images/get" + query_string(parameters);
  Exchange exchange = context.client().open(std::move(request));
  if (output.empty()) {
    copy_body(exchange, STDOUT_FILENO, "standard output");
  } else {
    save_body(exchange, output);
  }
  return 0;
}

int run_diff(Context& context, const Arguments& arguments) {
  CommandLine line("diff", "diff CONTAINER",
                   "Inspect changes to files or directories on a container's filesystem");
  const std::string name = line.parse(arguments, 1, 1).front();
  constexpr std::string_view kLetters = "CAD";  // the API's numbers
  const auto changes = nlohmann::json::parse(
      context.client().call("GET", "/containers/" + escape_url(name) + "/changes"));
  for (const auto& change : changes) {
    const auto kind = change.at("Kind").get<std::size_t>();
    print(fmt::format("{} {}\n", kLetters.at(std::min(kind, kLetters.size() - 1)),
                      change.at("Path").get<std::string>()));
  }
  return 0;
}

}  // namespace berth::client
