#include "daemon/runtime/cgroup_files.hpp"

#include <array>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/text.hpp"

namespace berth::runtime {

namespace {

int write_once(int file, std::string_view value) {
  for (;;) {
    if (::write(file, value.data(), value.size()) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

/// Keeps the last file open: the device rules are many writes to the same two.
class ControlWriter {
 public:
  int write(int directory, const std::string& path, std::string_view value) {
    if (directory != directory_ || path != path_) {
      file_.reset(::openat(directory, path.c_str(), O_WRONLY | O_CLOEXEC));
      directory_ = directory;
      path_ = file_ ? path : std::string();
      if (!file_) return errno;
    }
    return write_once(file_.get(), value);
  }

 private:
  Fd file_;
  int directory_ = -1;
  std::string path_;
};

void report(const CgroupSetting& setting, int error, std::vector<std::string>& warnings) {
  const bool missing = error == ENOENT || error == EOPNOTSUPP;
  const std::string what(setting.wish);
  if (missing && !setting.is_limit) {
    warnings.push_back("the " + what + " is not applied: this machine's kernel has no " +
                       std::string(setting.controller) + " control for it");
    return;
  }
  if (missing) {
    throw Error(ErrorKind::kNotImplemented,
                "the " + what + " cannot be applied: this machine has no " +
                    std::string(setting.controller) + " cgroup controller for it",
                error);
  }
  if (!setting.is_limit && error != EINVAL && error != ERANGE) {
    warnings.push_back("the " + what + " is not applied: " + errno_text(error));
    return;
  }
  std::string message =
      "cannot set the " + what + " to \"" + setting.value + "\": " + errno_text(error);
  if (error == EBUSY) message += ": more is in use";
  const bool bad_value = error == EINVAL || error == ERANGE || error == ENODEV || error == EBUSY;
  throw Error(bad_value ? ErrorKind::kInvalidArgument : ErrorKind::kInternal, message, error);
}

}  // namespace

int write_control(int directory, const std::string& file, std::string_view value) {
  const Fd control(::openat(directory, file.c_str(), O_WRONLY | O_CLOEXEC));
  return control ? write_once(control.get(), value) : errno;
}

std::string read_control(int directory, const std::string& file) {
  static constexpr std::size_t kMost = std::size_t{1} << 22U;
  const Fd control(::openat(directory, file.c_str(), O_RDONLY | O_CLOEXEC));
  std::string text;
  if (!control) return text;
  std::array<char, 4096> chunk{};
  for (;;) {
    const ssize_t got = ::read(control.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0 || text.size() > kMost) return text;
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

std::uint64_t read_keyed_number(int directory, const std::string& file, std::string_view key) {
  const std::string text = read_control(directory, file);
  for (const std::string_view line : split(text, '\n')) {
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ') {
      return parse_number<std::uint64_t>(trim(line.substr(key.size() + 1))).value_or(0);
    }
  }
  return 0;
}

int make_group(int hierarchy, const std::string& relative,
               const std::function<void(const std::string&)>& visit_parent) {
  static constexpr mode_t kMode = 0755;
  const auto make = [&](const std::string& path) {
    return ::mkdirat(hierarchy, path.c_str(), kMode) == 0 || errno == EEXIST ? 0 : errno;
  };
  for (std::size_t slash = relative.find('/'); slash != std::string::npos;
       slash = relative.find('/', slash + 1)) {
    const std::string parent = relative.substr(0, slash);
    if (const int error = make(parent); error != 0) return error;
    visit_parent(parent);
  }
  return make(relative);
}

std::vector<pid_t> read_processes(int directory, const std::string& relative) {
  std::vector<pid_t> processes;
  const std::string text = read_control(directory, relative + "/cgroup.procs");
  for (const std::string_view line : split(text, '\n')) {
    // 0 stands for a process that this pid namespace does not see.
    if (const auto pid = parse_number<pid_t>(line); pid && *pid > 0) processes.push_back(*pid);
  }
  return processes;
}

std::vector<std::string> child_groups(int directory, const std::string& relative) {
  std::vector<std::string> names;
  Fd group(::openat(directory, relative.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!group) return names;
  DIR* const stream = ::fdopendir(group.get());
  if (stream == nullptr) return names;
  (void)group.release();
  while (const dirent* entry = ::readdir(stream)) {
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(&entry->d_name[0]);
  }
  ::closedir(stream);
  return names;
}

void apply_settings(const std::vector<CgroupSetting>& settings, const std::string& relative,
                    const std::function<int(std::string_view controller)>& directory_of,
                    std::vector<std::string>& warnings) {
  ControlWriter writer;
  const auto write = [&](const CgroupSetting& setting) {
    const int directory = directory_of(setting.controller);
    if (directory < 0) return ENOENT;
    const int error = writer.write(directory, relative + "/" + setting.file, setting.value);
    if (error != ENOENT || setting.alternative_file.empty()) return error;
    return writer.write(directory, relative + "/" + setting.alternative_file,
                        setting.alternative_value);
  };
  for (std::size_t index = 0; index < settings.size(); ++index) {
    const CgroupSetting& setting = settings[index];
    int error = write(setting);
    // v1 holds memory <= memory and swap at every moment: raising both needs the other order.
    const bool swap_follows =
        index + 1 < settings.size() && settings[index + 1].wish == "swap limit";
    if (error == EINVAL && swap_follows && write(settings[index + 1]) == 0) error = write(setting);
    if (error != 0) report(setting, error, warnings);
  }
}

}  // namespace berth::runtime
