#include "daemon/runtime/user.hpp"

#include <limits>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fd.hpp"
#include "common/text.hpp"
#include "daemon/runtime/in_root.hpp"

namespace berth::runtime {

namespace {

/// Docker's bound, so that no tool with signed numbers misreads it.
constexpr std::uint32_t kMostId = std::numeric_limits<std::int32_t>::max();

/// The lines of a text file that may be anything: longer than the buffer, without an end, a device.
class LineFile {
 public:
  LineFile(int root, const char* path)
      : file_(try_open_in_root(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY)) {
    struct stat status{};
    if (file_ && (::fstat(file_.get(), &status) != 0 || !S_ISREG(status.st_mode))) file_.reset();
  }

  /// False at the end. A line that does not fit is left out.
  bool next(std::string_view& line) {
    while (file_) {
      const std::string_view left(buffer_.data() + begin_, end_ - begin_);
      if (const std::size_t newline = left.find('\n'); newline != std::string_view::npos) {
        begin_ += newline + 1;
        if (std::exchange(skipping_, false)) continue;
        line = left.substr(0, newline);
        return true;
      }
      if (!fill()) {
        file_.reset();
        line = left;
        begin_ = end_;
        return !left.empty() && !skipping_;
      }
    }
    return false;
  }

 private:
  bool fill() {
    if (begin_ > 0) {
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = 0;
    }
    if (end_ == buffer_.size()) {
      skipping_ = true;
      end_ = 0;
    }
    static constexpr std::size_t kMostBytes = std::size_t{16} << 20U;
    ssize_t got = 0;
    do {
      got = ::read(file_.get(), buffer_.data() + end_, buffer_.size() - end_);
    } while (got < 0 && errno == EINTR);
    if (got <= 0 || total_ > kMostBytes) return false;
    total_ += static_cast<std::size_t>(got);
    end_ += static_cast<std::size_t>(got);
    return true;
  }

  Fd file_;
  std::array<char, 16384> buffer_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t total_ = 0;
  bool skipping_ = false;
};

std::optional<std::uint32_t> parse_id(std::string_view text) {
  const auto number = parse_number<std::uint32_t>(text);
  return number && *number <= kMostId ? number : std::nullopt;
}

/// Cuts the next field off `line`.
std::string_view take_field(std::string_view& line) {
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  line = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
  return field;
}

struct PasswdEntry {
  std::string_view name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::string_view home;
};

std::optional<PasswdEntry> parse_passwd(std::string_view line) {
  PasswdEntry entry;
  entry.name = take_field(line);
  take_field(line);  // password
  const auto uid = parse_id(take_field(line));
  const auto gid = parse_id(take_field(line));
  if (entry.name.empty() || !uid || !gid) return std::nullopt;
  entry.uid = *uid;
  entry.gid = *gid;
  take_field(line);  // real name
  entry.home = take_field(line);
  return entry;
}

struct GroupEntry {
  std::string_view name;
  std::uint32_t gid = 0;
  std::string_view members;

  bool lists(std::string_view user) const {
    for (std::string_view rest = members; !rest.empty();) {
      const std::size_t comma = rest.find(',');
      if (trim(rest.substr(0, comma)) == user) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
    return false;
  }
  /// As a user names it: by name, or by number.
  bool is(std::string_view text) const { return name == text || parse_id(text) == gid; }
};

std::optional<GroupEntry> parse_group(std::string_view line) {
  GroupEntry entry;
  entry.name = take_field(line);
  take_field(line);  // password
  const auto gid = parse_id(take_field(line));
  if (entry.name.empty() || !gid) return std::nullopt;
  entry.gid = *gid;
  entry.members = line;
  return entry;
}

class Resolver {
 public:
  Resolver(const User& user, int root, Report& report, ResolvedUser& resolved)
      : user_(user), root_(root), report_(report), resolved_(resolved) {}

  bool run() {
    std::string_view text = user_.username;
    const bool has_group = text.find(':') != std::string_view::npos;
    const std::string_view name = take_field(text);
    resolved_.uid = user_.uid;
    resolved_.gid = user_.gid;
    if (!find_user(name)) return false;
    if (has_group && !text.empty()) {
      if (!find_group(text, resolved_.gid)) return false;
      login_name_.resize(0);  // an explicit group stands alone
    }
    return add_groups();
  }

 private:
  bool matches(const PasswdEntry& entry, std::string_view name) const {
    if (name.empty()) return entry.uid == user_.uid;
    return entry.name == name || parse_id(name) == entry.uid;
  }

  bool find_user(std::string_view name) {
    const auto number = parse_id(name);
    if (!name.empty() && !number && parse_number<std::uint64_t>(name)) return refuse_range(name);
    LineFile passwd(root_, "/etc/passwd");
    std::string_view line;
    while (passwd.next(line)) {
      const auto entry = parse_passwd(line);
      if (!entry || !matches(*entry, name)) continue;
      resolved_.home.append(entry->home);
      if (!name.empty()) {
        resolved_.uid = entry->uid;
        resolved_.gid = entry->gid;
      }
      // Numbers alone are that user's login when the group is the user's own too.
      if (entry->gid == resolved_.gid) login_name_.append(entry->name);
      return true;
    }
    if (name.empty()) return true;
    if (number) {
      resolved_.uid = *number;
      resolved_.gid = 0;
      return true;
    }
    return report_.fail_in_words(
        {"unable to find user ", name, ": no matching entries in passwd file"});
  }

  bool find_group(std::string_view name, gid_t& gid) {
    const auto number = parse_id(name);
    if (!number && parse_number<std::uint64_t>(name)) return refuse_range(name);
    LineFile file(root_, "/etc/group");
    std::string_view line;
    while (file.next(line)) {
      const auto entry = parse_group(line);
      if (!entry || !entry->is(name)) continue;
      gid = entry->gid;
      return true;
    }
    if (number) {
      gid = *number;
      return true;
    }
    return report_.fail_in_words(
        {"unable to find group ", name, ": no matching entries in group file"});
  }

  bool add_groups() {
    if (!add(resolved_.gid)) return false;
    for (const std::uint32_t gid : user_.additional_gids) {
      if (!add(gid)) return false;
    }
    for (const std::string& name : user_.additional_groups) {
      gid_t gid = 0;
      if (!find_group(name, gid) || !add(gid)) return false;
    }
    if (login_name_.empty()) return true;
    LineFile file(root_, "/etc/group");
    std::string_view line;
    while (file.next(line)) {
      const auto entry = parse_group(line);
      if (entry && entry->lists(login_name_.view()) && !add(entry->gid)) return false;
    }
    return true;
  }

  bool add(gid_t gid) {
    return resolved_.add_group(gid) ||
           report_.fail_in_words({"the user is in more than 1024 groups: must be fewer"});
  }

  bool refuse_range(std::string_view text) {
    return report_.fail_in_words(
        {"user or group \"", text, "\": uids and gids must be in range 0-2147483647"});
  }

  const User& user_;
  int root_;
  Report& report_;
  ResolvedUser& resolved_;
  FixedText<512> login_name_;
};

}  // namespace

bool ResolvedUser::add_group(gid_t group) {
  const auto* const end = groups.data() + group_count;
  if (std::find(static_cast<const gid_t*>(groups.data()), end, group) != end) return true;
  if (group_count == groups.size()) return false;
  groups[group_count++] = group;
  return true;
}

bool resolve_user(const User& user, int root, Report& report, ResolvedUser& resolved) {
  report.enter(Stage::kUser);
  return Resolver(user, root, report, resolved).run();
}

}  // namespace berth::runtime
