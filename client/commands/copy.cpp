// cp: where things land follows the stock client's rules, about trailing slashes and what exists.
#include <array>
#include <atomic>
#include <exception>
#include <filesystem>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/commands/command_line.hpp"
#include "client/commands/tar_disk.hpp"
#include "client/commands/verbs.hpp"
#include "common/base64.hpp"
#include "common/file.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

// Go's os.FileMode, which the API speaks.
constexpr std::uint32_t kGoFolder = 1U << 31U;
constexpr std::uint32_t kGoLink = 1U << 27U;
constexpr std::uint32_t kGoDevice = (1U << 26U) | (1U << 19U);  // or irregular

struct Place {
  std::string container;  // empty: on this machine
  std::string path;
};

struct Flags {
  bool archive = false;
  bool follow = false;
  bool quiet = false;
};

struct Item {
  std::string path;
  bool exists = false;
  bool folder = false;
};

struct Split {
  std::string folder;
  std::string base;  // "." for "folder/."
};

/// Where an archive goes, and what its root is renamed to.
struct Target {
  std::string folder;
  Renaming renaming;
};

Place parse_place(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (text.starts_with('/') || text.starts_with('.') || colon == std::string::npos)
    return {{}, text};
  return {text.substr(0, colon), text.substr(colon + 1)};
}

bool names_folder(const std::string& path) {
  return path.ends_with('/') || path == "." || path.ends_with("/.");
}

Split split(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal();
  while (clean.size() > 1 && clean.ends_with('/'))
    clean.pop_back();
  if (clean == "/" || path == "." || path.ends_with("/.")) return {clean, "."};
  const std::filesystem::path whole(clean);
  const std::string parent = whole.parent_path();
  return {parent.empty() ? "." : parent, whole.filename()};
}

Target place_archive(const Item& source, const std::string& root, const Item& target) {
  const auto [folder, base] = split(target.path);
  const std::string from = split(source.path).base;
  if (target.exists && target.folder) return {target.path, {from, root == from ? "" : root}};
  if (target.exists && source.folder) {
    throw Error(ErrorKind::kInvalidArgument, "cannot copy directory");
  }
  if (!target.exists && !source.folder && names_folder(target.path)) {
    throw Error(ErrorKind::kInvalidArgument, "no such directory");
  }
  return {folder, {from, base}};
}

struct PathStat {
  std::uint32_t mode = 0;
  std::string link;
};

PathStat parse_stat(Exchange& exchange) {
  const auto text = decode_base64(exchange.header("X-Docker-Container-Path-Stat"));
  const auto json = nlohmann::json::parse(text.value_or(""), nullptr, false);
  if (!json.is_object()) throw Error(ErrorKind::kInternal, "the daemon tells no path's stat");
  return {json.value("mode", std::uint32_t{0}), json.value("linkTarget", std::string())};
}

std::string archive_target(const Place& place,
                           std::vector<std::pair<std::string, std::string>> query = {}) {
  query.emplace_back("path", place.path);
  return "/containers/" + escape_url(place.container) + "/archive" + query_string(query);
}

std::optional<PathStat> stat_path(Context& context, const Place& place) {
  Request request;
  request.method = "HEAD";
  request.target = archive_target(place);
  Exchange exchange = context.client().begin(std::move(request));
  if (exchange.status() >= 400) return std::nullopt;
  return parse_stat(exchange);
}

/// Where a link of the container's leads; the daemon keeps it inside the container's root.
std::string follow_link(const std::string& path, const std::string& link) {
  if (link.starts_with('/')) return link;
  return (std::filesystem::path(split(path).folder) / link).lexically_normal();
}

std::string absolute(const std::string& path) {
  if (path.empty() || path.starts_with('/')) return path;
  return (std::filesystem::current_path() / path).native();
}

/// What a local destination stands for, its links followed even where they lead to nothing yet.
Item local_target(const std::string& given) {
  constexpr int kMostLinks = 40;  // as the kernel's
  std::filesystem::path path = given;
  std::error_code failure;
  for (int links = 0; std::filesystem::is_symlink(path, failure); ++links) {
    if (links == kMostLinks) throw_errno("stat", given, ELOOP);
    path = path.parent_path() / std::filesystem::read_symlink(path, failure);
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return {path, false, false};
  // Unpacking replaces what is there, which must not happen to /dev/null.
  if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) {
    throw Error(ErrorKind::kInvalidArgument, "invalid output path: \"" + given +
                                                 "\" must be a directory or a regular file: "
                                                 "got a device");
  }
  return {path, true, S_ISDIR(status.st_mode)};
}

void enter(const std::string& folder) {
  if (::chdir(folder.c_str()) == 0) return;
  if (errno == ENOENT) {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid output path: directory \"" + folder + "\" does not exist");
  }
  throw_errno("chdir", folder);
}

void report(const Flags& flags, std::uint64_t bytes, const std::string& where) {
  if (flags.quiet || ::isatty(STDOUT_FILENO) == 0) return;
  print_error(fmt::format("Successfully copied {} to {}\n", format_decimal_size(bytes), where));
}

int copy_out(Context& context, Place source, const std::string& to, const Flags& flags) {
  std::string root = split(source.path).base;
  if (flags.follow) {
    const auto found = stat_path(context, source);
    if (found && (found->mode & kGoLink) != 0) source.path = follow_link(source.path, found->link);
  }
  Request request;
  request.target = archive_target(source);
  Exchange exchange = context.client().open(std::move(request));
  std::uint64_t bytes = 0;
  const ReadBytes read = [&](char* buffer, std::size_t size) {
    const std::size_t count = exchange.read(buffer, size);
    bytes += count;
    return count;
  };
  if (to == "-") {
    std::array<char, 65536> buffer{};
    while (const std::size_t count = read(buffer.data(), buffer.size()))
      write_all(STDOUT_FILENO, {buffer.data(), count}, "standard output");
    return 0;
  }
  const Item target = local_target(absolute(to));
  const Item item{source.path, true, (parse_stat(exchange).mode & kGoFolder) != 0};
  const Target placed = place_archive(item, root, target);
  enter(placed.folder);
  unpack_tree(placed.renaming, read, flags.archive && ::geteuid() == 0);
  std::array<char, 4096> rest{};
  while (read(rest.data(), rest.size()) != 0) {
    // What follows the end of an archive: blocks of zeros.
  }
  report(flags, bytes, to);
  return 0;
}

/// Sends what a thread packs meanwhile.
std::uint64_t send_tree(Context& context, Request request, const Renaming& renaming) {
  std::array<int, 2> ends{};
  check_errno(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), "socketpair", "");
  Fd ours(ends[0]);
  Fd theirs(ends[1]);
  std::uint64_t bytes = 0;
  std::exception_ptr failure;
  std::atomic<bool> unread = false;
  std::thread packer([&] {
    try {
      bytes = write_tree(renaming, theirs.get());
    } catch (...) {
      if (!unread) failure = std::current_exception();
    }
    theirs.reset();
  });
  request.body_file = ours.get();
  std::exception_ptr refused;
  try {
    context.client().open(std::move(request)).read_all();
  } catch (...) {
    refused = std::current_exception();
  }
  unread = true;
  ours.reset();  // a packer that waits to be read ends here
  packer.join();
  // The daemon may have complained of an archive that ends early: then this is why.
  if (failure) std::rethrow_exception(failure);
  if (refused) std::rethrow_exception(refused);
  return bytes;
}

int copy_in(Context& context, const std::string& from, Place place, const Flags& flags) {
  const std::string shown = place.container + ":" + place.path;
  auto found = stat_path(context, place);
  if (found && (found->mode & kGoLink) != 0) {
    place.path = follow_link(place.path, found->link);
    found = stat_path(context, place);
  }
  if (found && (found->mode & kGoDevice) != 0) {
    throw Error(ErrorKind::kInvalidArgument,
                "destination \"" + shown + "\" must be a directory or a regular file");
  }
  const Item target{place.path, found.has_value(), found && (found->mode & kGoFolder) != 0};
  Request request;
  request.method = "PUT";
  const auto address = [&](const std::string& folder) {
    return archive_target({place.container, folder}, {{"noOverwriteDirNonDir", "true"},
                                                      {"copyUIDGID", flags.archive ? "true" : ""}});
  };
  if (from == "-") {
    if (!target.folder) {
      throw Error(ErrorKind::kInvalidArgument, "destination \"" + shown + "\" must be a directory");
    }
    request.target = address(target.path);
    request.body_file = STDIN_FILENO;
    context.client().open(std::move(request)).read_all();
    return 0;
  }
  std::string path = absolute(from);
  const std::string root = split(path).base;
  struct stat status{};
  if (flags.follow) {
    check_errno(::stat(path.c_str(), &status), "stat", from);
    if (root != ".") path = std::filesystem::canonical(path);
  }
  check_errno(::lstat(path.c_str(), &status), "lstat", from);
  const Target placed = place_archive({path, true, S_ISDIR(status.st_mode)}, root, target);
  request.target = address(placed.folder);
  check_errno(::chdir(split(path).folder.c_str()), "chdir", split(path).folder);
  const std::uint64_t bytes = send_tree(context, std::move(request), placed.renaming);
  report(flags, bytes, shown);
  return 0;
}

}  // namespace

int run_cp(Context& context, const Arguments& arguments) {
  CommandLine line("cp",
                   "cp [OPTIONS] CONTAINER:SRC_PATH DEST_PATH|- | SRC_PATH|- CONTAINER:DEST_PATH",
                   "Copy files/folders between a container and the local filesystem");
  Flags flags;
  line.flag("-a,--archive", flags.archive, "Archive mode (copy all uid/gid information)");
  line.flag("-L,--follow-link", flags.follow, "Always follow symbol link in SRC_PATH");
  line.flag("-q,--quiet", flags.quiet, "Suppress progress output during copy");
  const Arguments paths = line.parse(arguments, 2, 2);
  if (paths[0].empty()) throw line.error("source can not be empty", 1);
  if (paths[1].empty()) throw line.error("destination can not be empty", 1);
  const Place source = parse_place(paths[0]);
  const Place target = parse_place(paths[1]);
  if (!source.container.empty() && !target.container.empty()) {
    throw line.error("copying between containers is not supported", 1);
  }
  if (!source.container.empty()) return copy_out(context, source, target.path, flags);
  if (!target.container.empty()) return copy_in(context, source.path, target, flags);
  throw line.error("must specify at least one container source", 1);
}

}  // namespace berth::client
