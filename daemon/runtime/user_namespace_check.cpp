#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/runtime/namespaces.hpp"
#include "daemon/runtime/step_report.hpp"
#include "daemon/runtime/user_namespace.hpp"

namespace berth::runtime {

namespace {

constexpr std::uint32_t kFirst = 100'000;

/// A process that does nothing but keep a user namespace.
class Keeper {
 public:
  Keeper() {
    Pipe ready = make_pipe();
    Pipe end = make_pipe();
    pid_ = check_errno(::fork(), "fork");
    if (pid_ == 0) {
      end.write.reset();
      char byte = 0;
      const bool made = ::unshare(CLONE_NEWUSER) == 0 && ::write(ready.write.get(), &byte, 1) == 1;
      if (made) (void)!::read(end.read.get(), &byte, 1);
      ::_exit(0);
    }
    ready.write.reset();
    char byte = 0;
    if (::read(ready.read.get(), &byte, 1) != 1) {
      throw Error(ErrorKind::kNotImplemented,
                  "this kernel makes no user namespaces (/proc/sys/user/max_user_namespaces)");
    }
    end_ = std::move(end.write);
  }
  ~Keeper() {
    end_.reset();
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
  Fd end_;
};

class TemporaryFolder {
 public:
  explicit TemporaryFolder(const std::string& parent) : path_(parent + "/idmap-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) throw_errno("mkdtemp", parent);
    for (const char* name : {"lower", "upper", "work"})
      check_errno(::mkdir(inside(name).c_str(), 0755), "mkdir", inside(name));
  }
  ~TemporaryFolder() {
    // Those of the check, for which this process has a mount namespace of its own.
    ::umount2(path_.c_str(), MNT_DETACH);
    ::umount2(inside("lower").c_str(), MNT_DETACH);
    ::rmdir((inside("upper") + "/folder").c_str());
    ::rmdir((inside("work") + "/work").c_str());
    ::rmdir((inside("work") + "/index").c_str());
    for (const char* name : {"lower", "upper", "work"})
      ::rmdir(inside(name).c_str());
    ::rmdir(path_.c_str());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }
  std::string inside(const char* name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

}  // namespace

void check_id_mapped_mounts(const std::string& folder) {
  const TemporaryFolder place(folder);
  const Keeper keeper;
  Spec spec;
  spec.uid_mappings = spec.gid_mappings = {{0, kFirst, 1000}};
  write_id_maps(keeper.pid(), spec);
  const Fd user =
      open_namespace("/proc/" + std::to_string(keeper.pid()) + "/ns/user", NamespaceKind::kUser);
  StepReport steps;
  Rootfs rootfs;
  rootfs.kind = Rootfs::Kind::kOverlay;
  rootfs.lower = {place.inside("lower")};
  rootfs.upper = place.inside("upper");
  rootfs.work = place.inside("work");
  InitPlan plan;
  plan.spec = &spec;
  plan.rootfs = &rootfs;
  plan.legacy_overlay = !has_overlay_by_layers();
  // The mounts go with this process.
  check_errno(::unshare(CLONE_NEWNS), "unshare", "CLONE_NEWNS");
  Fd root;
  steps.require(make_mapped_root(plan, steps.report(), user.get(), root));
  check_errno(::mkdirat(root.get(), "folder", 0755), "mkdir", "below the overlay's root");
  struct stat translated{};
  check_errno(::fstatat(root.get(), "folder", &translated, 0), "stat", "below the overlay's root");
  root.reset();
  ::umount2(place.path().c_str(), MNT_DETACH);
  struct stat plain{};
  check_errno(::stat((place.inside("upper") + "/folder").c_str(), &plain), "stat", "the layer");
  if (translated.st_uid == kFirst && plain.st_uid == 0) return;
  throw Error(ErrorKind::kNotImplemented,
              "this kernel does not translate the owners of an overlay's layers");
}

}  // namespace berth::runtime
