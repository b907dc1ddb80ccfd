#include "daemon/container/lost_shim.hpp"

#include <filesystem>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/process.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::container {

namespace {

void remove_cgroups(const std::string& path) {
  runtime::Cgroup cgroup(runtime::detect_cgroups(), path);
  cgroup.kill_all();
  if (!cgroup.remove()) throw Error(ErrorKind::kDeadline, "cannot remove the cgroup " + path);
}

/// Also of a container that the runtime does not know any more: --force makes that a success.
void forget_in_runtime(const OciRuntime& runtime, const std::filesystem::path& root,
                       const std::string& id) {
  ProcessOptions options;
  options.argv.push_back(runtime.path);
  options.argv.insert(options.argv.end(), runtime.args.begin(), runtime.args.end());
  options.argv.insert(options.argv.end(), {"--root", root.native(), "delete", "--force", id});
  run_process_checked(options);
}

}  // namespace

Task<> clear_after_lost_shim(Services& services, ContainerPtr container) {
  const Settings& settings = services.settings;
  const std::string& id = container->id().str();
  const std::string& name = container->definition.host_config.runtime;
  std::optional<OciRuntime> runtime;
  if (const auto found = settings.runtimes.find(name); found != settings.runtimes.end())
    runtime = found->second;
  auto clear = [runtime, id, root = settings.runtime_root(name), socket = settings.shims() / id,
                cgroup = cgroups_path(container->definition, settings)] {
    remove_cgroups(cgroup);
    if (runtime) forget_in_runtime(*runtime, root, id);
    std::error_code error;
    std::filesystem::remove(socket, error);
  };
  try {
    co_await services.fast.run(std::move(clear));
  } catch (const std::exception& error) {
    log::warn("container {}: {}", container->name, error.what());
  }
}

}  // namespace berth::container
