// login, logout, push, search.
#include "api/registry.hpp"

#include <iostream>

#include <unistd.h>

#include "api/fields.hpp"
#include "api/progress.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/pull_image.hpp"
#include "client/commands/verbs.hpp"
#include "client/credentials/store.hpp"
#include "client/format/progress.hpp"
#include "client/format/table.hpp"
#include "client/format/text.hpp"
#include "client/stream/json_lines.hpp"
#include "client/terminal/terminal.hpp"
#include "common/file.hpp"
#include "common/image_reference.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kDescriptionWidth = 45;

struct LoginFlags {
  std::string username;
  std::string password;
  bool password_stdin = false;
};

void check_flags(const CommandLine& line, const LoginFlags& flags) {
  if (!flags.password_stdin) return;
  if (!flags.password.empty()) {
    throw line.error("--password and --password-stdin are mutually exclusive", 1);
  }
  if (flags.username.empty()) throw line.error("Must provide --username with --password-stdin", 1);
}

std::string ask(const std::string& prompt) {
  print(prompt);
  std::string answer;
  std::getline(std::cin, answer);
  return std::string(trim(answer));
}

/// What the user is missing is asked for, on a terminal alone.
void complete(LoginFlags& flags, const std::string& known_user) {
  if (flags.password_stdin) {
    std::string input = read_all(STDIN_FILENO, "stdin");
    while (!input.empty() && (input.back() == '\n' || input.back() == '\r'))
      input.pop_back();
    flags.password = std::move(input);
    return;
  }
  if (!flags.password.empty()) {
    print_error("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n");
  }
  if (!flags.username.empty() && !flags.password.empty()) return;
  if (!is_terminal(STDIN_FILENO)) {
    throw Error(ErrorKind::kInvalidArgument,
                "Cannot perform an interactive login from a non TTY device: give --username and "
                "--password-stdin");
  }
  if (flags.username.empty()) {
    const std::string hint = known_user.empty() ? "" : " (" + known_user + ")";
    flags.username = ask("Username" + hint + ": ");
    if (flags.username.empty()) flags.username = known_user;
  }
  if (flags.username.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "a login needs a user name");
  }
  if (flags.password.empty()) {
    const HiddenInput hidden(STDIN_FILENO);
    flags.password = ask("Password: ");
    print("\n");
  }
  if (flags.password.empty()) throw Error(ErrorKind::kInvalidArgument, "password required");
}

void log_in(Context& context, const api::AuthConfig& credentials) {
  context.client().call("POST", "/auth", api::to_text(credentials));
}

/// True when what is known from before is still good.
bool log_in_again(Context& context, const api::AuthConfig& known) {
  if (known.username.empty() && known.identity_token.empty()) return false;
  print("Authenticating with existing credentials...\n");
  try {
    log_in(context, known);
    return true;
  } catch (const ApiError& error) {
    print_error("Login did not succeed, error: " + std::string(error.what()) + "\n");
    return false;
  }
}

}  // namespace

int run_login(Context& context, const Arguments& arguments) {
  CommandLine line("login", "login [OPTIONS] [SERVER]", "Authenticate to a registry");
  LoginFlags flags;
  line.text("-u,--username", flags.username, "Username");
  line.text("-p,--password", flags.password, "Password or Personal Access Token (PAT)");
  line.flag("--password-stdin", flags.password_stdin,
            "Take the Password or Personal Access Token (PAT) from stdin");
  const Arguments given = line.parse(arguments, 0, 1);
  check_flags(line, flags);
  const std::string key = credentials_key(given.empty() ? "" : given.front());
  CredentialStore store;
  const bool nothing_given = flags.username.empty() && flags.password.empty();
  const api::AuthConfig known = nothing_given ? store.find(key) : api::AuthConfig{};
  if (nothing_given && log_in_again(context, known)) {
    print("\nLogin Succeeded\n");
    return 0;
  }
  complete(flags, known.username);
  api::AuthConfig credentials;
  credentials.username = flags.username;
  credentials.password = flags.password;
  credentials.server_address = key;
  log_in(context, credentials);
  if (store.save(key, credentials)) {
    print_error("\nWARNING! Your credentials are stored unencrypted in '" + store.file().native() +
                "'.\nConfigure a credential helper (\"credsStore\") to remove this warning.\n\n");
  }
  print("Login Succeeded\n");
  return 0;
}

int run_logout(Context& /*context*/, const Arguments& arguments) {
  CommandLine line("logout", "logout [SERVER]", "Log out from a registry");
  const Arguments given = line.parse(arguments, 0, 1);
  const std::string key = credentials_key(given.empty() ? "" : given.front());
  CredentialStore store;
  if (store.erase(key)) {
    print("Removing login credentials for " + key + "\n");
  } else {
    print("Not logged in to " + key + "\n");
  }
  return 0;
}

int run_push(Context& context, const Arguments& arguments) {
  CommandLine line("push", "push [OPTIONS] NAME[:TAG]", "Upload an image to a registry");
  bool all = false;
  bool quiet = false;
  bool untrusted = true;
  std::string platform;
  line.flag("-a,--all-tags", all, "Push all tags of an image to the repository");
  line.flag("-q,--quiet", quiet, "Suppress verbose output");
  line.text("--platform", platform, "Push a platform-specific manifest (os[/arch[/variant]])");
  line.flag("--disable-content-trust", untrusted, "Skip image signing (default true)");
  ImageName image = split_image_name(line.parse(arguments, 1, 1).front());
  if (all && !image.tag.empty()) {
    throw line.error("tag can't be used with --all-tags/-a", 1);
  }
  if (image.has_digest) throw line.error("cannot push a digest reference", 1);
  if (!all && image.tag.empty()) {
    image.tag = "latest";
    if (!quiet) print("Using default tag: latest\n");
  }
  std::string wanted;
  if (!platform.empty()) {
    const auto parts = split(platform, '/');
    api::OciPlatform document;
    document.os = parts[0];
    if (parts.size() > 1) document.architecture = parts[1];
    if (parts.size() > 2) document.variant = parts[2];
    wanted = api::to_text(document);
  }
  Request request;
  request.method = "POST";
  request.target = "/images/" + escape_url(image.repository) + "/push" +
                   query_string({{"tag", all ? "" : image.tag}, {"platform", wanted}});
  request.headers.emplace_back("X-Registry-Auth", auth_of_image(image.repository));
  Exchange exchange = context.client().open(std::move(request));
  ProgressDisplay display(STDOUT_FILENO, quiet);
  JsonLines lines(exchange);
  while (const auto message = lines.next())
    display.show(api::from_text<api::ProgressMessage>(*message));
  if (quiet) print(ImageReference::parse(image.text()).str() + "\n");
  return 0;
}

int run_search(Context& context, const Arguments& arguments) {
  CommandLine line("search", "search [OPTIONS] TERM", "Search a registry for images");
  std::vector<std::string> filters;
  std::string limit;
  std::string text_format;
  bool full = false;
  line.list("-f,--filter", filters, "Filter output based on conditions provided");
  line.text("--format", text_format, "Pretty-print search using a Go template");
  line.text("--limit", limit, "Max number of search results");
  line.flag("--no-trunc", full, "Don't truncate output");
  const std::string term = line.parse(arguments, 1, 1).front();
  Request request;
  request.target =
      "/images/search" +
      query_string({{"term", term}, {"limit", limit}, {"filters", encode_filters(filters)}});
  request.headers.emplace_back("X-Registry-Auth", auth_of_image(term));
  Exchange exchange = context.client().open(std::move(request));
  const auto found = api::list_from_text<api::SearchResult>(exchange.read_all());
  const TableFormat format{{{"Name", "NAME"},
                            {"Description", "DESCRIPTION"},
                            {"StarCount", "STARS"},
                            {"IsOfficial", "OFFICIAL"},
                            {"IsAutomated", "AUTOMATED"}},
                           {"Name", "Description", "StarCount", "IsOfficial"},
                           text_format};
  std::vector<Row> rows;
  for (const api::SearchResult& result : found) {
    const std::string description = printable(result.description);
    rows.push_back({printable(result.name),
                    full ? description : shorten(description, kDescriptionWidth),
                    std::to_string(result.star_count), result.is_official ? "[OK]" : "",
                    result.is_automated ? "[OK]" : ""});
  }
  print(format_rows(format, rows));
  return 0;
}

}  // namespace berth::client
