// A container for the hidden tests that need root: busybox in a folder of its own, and the
// specification that the daemon would write for it.
#pragma once

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"
#include "daemon/runtime/launch.hpp"

namespace berth::runtime {

class ContainerFixture {
 public:
  ContainerFixture()
      : id_(random_hex_id()), folder_("/tmp/berth-runtime-test-" + id_.substr(0, 12)) {
    namespace fs = std::filesystem;
    for (const char* name : {"lower/bin", "lower/etc", "lower/tmp", "upper", "work", "shared"}) {
      fs::create_directories(folder_ / name);
    }
    fs::copy_file("/bin/busybox", lower() / "bin/busybox");
    for (const char* name : {"sh",       "true",  "false", "cat",   "id",   "ls",       "sleep",
                             "echo",     "mount", "stat",  "touch", "grep", "hostname", "test",
                             "readlink", "head",  "tty",   "ip",    "ps",   "dd",       "kill",
                             "wc",       "stty",  "pwd",   "env",   "cp",   "umount",   "mkdir"}) {
      fs::create_symlink("busybox", lower() / "bin" / name);
    }
    write(lower() / "etc/passwd",
          "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n");
    write(lower() / "etc/group", "root:x:0:\nwheel:x:10:root,app\napp:x:1000:\nextra:x:2000:\n");
    document_ = default_document();
  }
  ~ContainerFixture() {
    std::error_code error;
    std::filesystem::remove_all(folder_, error);
    // The parent group, when this was the last of the tests below it.
    if (const auto layout = detect_cgroups(); layout) {
      for (const auto& hierarchy : layout->hierarchies)
        ::rmdir((hierarchy.mount_point + kGroup).c_str());
    }
  }
  ContainerFixture(const ContainerFixture&) = delete;
  ContainerFixture& operator=(const ContainerFixture&) = delete;

  std::filesystem::path lower() const { return folder_ / "lower"; }
  std::filesystem::path folder() const { return folder_; }
  nlohmann::json& document() { return document_; }
  nlohmann::json& oci() { return document_["oci"]; }
  nlohmann::json& process() { return oci()["process"]; }
  LaunchOptions& options() { return options_; }

  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
  }

  void shell(const std::string& script) { process()["args"] = {"sh", "-c", script}; }

  LaunchDocument parsed() const { return parse_launch_document(document_.dump()); }

  struct Result {
    int status = 0;  // exit code, or 128 + signal
    std::string output;
    std::vector<std::string> warnings;
    std::optional<LaunchFailure> failure;
  };

  /// Starts it, reads standard output and error to their end, reaps it and removes its groups.
  Result run() {
    Result result;
    Pipe pipe = make_pipe();
    options_.standard_output = pipe.write.get();
    options_.standard_error = pipe.write.get();
    const LaunchDocument document = parsed();
    try {
      InitProcess init = launch_init(document, options_);
      pipe.write.reset();
      result.failure = init.release();
      result.warnings = init.warnings();
      if (result.failure) return result;
      result.output = read_all(pipe.read.get(), "output");
      result.status = reap(init);
    } catch (const LaunchError& error) {
      result.failure = error.failure();
    }
    return result;
  }

  /// The shell's standard output; what went wrong, in words, where it did.
  std::string output_of(const std::string& script) {
    shell(script);
    const Result result = run();
    return result.failure ? "failure: " + result.failure->message : result.output;
  }

  static int reap(InitProcess& init) {
    siginfo_t info{};
    while (::waitid(P_PIDFD, static_cast<id_t>(init.pidfd()), &info, WEXITED) < 0 &&
           errno == EINTR) {
    }
    if (init.cgroup()) {
      init.cgroup()->kill_all();
      init.cgroup()->remove();
    }
    return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
  }

  static constexpr const char* kGroup = "/berth-runtime-test";

 private:
  nlohmann::json default_document() const {
    const auto mount = [](const char* destination, const char* type, const char* source,
                          std::vector<std::string> options) {
      return nlohmann::json{
          {"destination", destination}, {"type", type}, {"source", source}, {"options", options}};
    };
    const std::vector<std::string> capabilities = {"CAP_CHOWN",  "CAP_DAC_OVERRIDE", "CAP_SETGID",
                                                   "CAP_SETUID", "CAP_KILL",         "CAP_MKNOD",
                                                   "CAP_NET_RAW"};
    nlohmann::json rules = {{{"allow", false}, {"access", "rwm"}},
                            {{"allow", true}, {"type", "c"}, {"access", "m"}}};
    for (const auto& [major, minor] : std::vector<std::pair<int, int>>{
             {1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}}) {
      rules.push_back(
          {{"allow", true}, {"type", "c"}, {"major", major}, {"minor", minor}, {"access", "rwm"}});
    }
    rules.push_back({{"allow", true}, {"type", "c"}, {"major", 136}, {"access", "rwm"}});
    nlohmann::json oci = {
        {"ociVersion", "1.2.0"},
        {"process",
         {{"terminal", false},
          {"user", {{"uid", 0}, {"gid", 0}}},
          {"args", {"true"}},
          {"env", {"PATH=/bin"}},
          {"cwd", "/"},
          {"noNewPrivileges", false},
          {"capabilities",
           {{"bounding", capabilities},
            {"effective", capabilities},
            {"permitted", capabilities}}}}},
        {"root", {{"path", "rootfs"}, {"readonly", false}}},
        {"hostname", "berth-test"},
        {"mounts",
         {mount("/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}),
          mount("/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}),
          mount("/dev/pts", "devpts", "devpts",
                {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}),
          mount("/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}),
          mount("/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}),
          mount("/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}),
          mount("/dev/shm", "tmpfs", "shm",
                {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"})}},
        {"linux",
         {{"namespaces",
           {{{"type", "mount"}},
            {{"type", "pid"}},
            {{"type", "uts"}},
            {{"type", "ipc"}},
            {{"type", "cgroup"}},
            {{"type", "network"}}}},
          {"cgroupsPath", std::string(kGroup) + "/" + id_},
          {"resources", {{"devices", rules}}},
          {"sysctl",
           {{"net.ipv4.ip_unprivileged_port_start", "0"},
            {"net.ipv4.ping_group_range", "0 2147483647"}}},
          {"maskedPaths",
           {"/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
            "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi", "/proc/timer_list",
            "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware"}},
          {"readonlyPaths",
           {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"}}}}};
    return {{"version", 1},
            {"id", id_},
            {"oci", std::move(oci)},
            {"rootfs",
             {{"type", "overlay"},
              {"lower", {(folder_ / "lower").native()}},
              {"upper", (folder_ / "upper").native()},
              {"work", (folder_ / "work").native()}}},
            {"stdio", {{"open_stdin", false}, {"stdin_once", false}}},
            {"log", {{"driver", "none"}}}};
  }

  std::string id_;
  std::filesystem::path folder_;
  nlohmann::json document_;
  LaunchOptions options_;
};

}  // namespace berth::runtime
